# stet: two commands set everything up: `make run` and `make test`.
# Only Go and a C compiler are needed. The tag turns on SQLite's full-text
# index; without it everything works and search scans.

TAGS    := sqlite_fts5
GO      ?= go
GOFLAGS += -trimpath
LDFLAGS := -s -w -X main.version=$(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin

# How much of each proof is run: the numbers of the gate.
N         ?= 5000
SEED      ?= 1
MERGES    ?= 200000
KILLS     ?= 2000
POWER     ?= 500
SWEEP     ?= 6
HISTORIES ?= 50
ANSWERS   ?= 10000
OTHERS    ?= 1000
SPAN      ?= 60
SOAK      ?= 20
QUEUE     ?= 100000
FUZZTIME  ?= 15s
MUTANTS   ?= 0

export GO FUZZTIME MUTANTS

# A proof prints its "proof" lines; all it says is in bin/proof/NAME.log.
PROVE = .ci/told $@ $(GO) test -tags $(TAGS) -count=1 -timeout 60m -v

.PHONY: help run demo build test test-race check bench pictures clean \
	interop proof sim sim-mutants merges kill disk processes drain soak answers protocols days fuzz

help:             ## this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/\1\t\2/p' Makefile | awk -F '\t' '{ printf "%-12s %s\n", $$1, $$2 }'

run: build        ## open the app
	$(BIN)/stet

demo: build       ## sync and a conflict at once, on a scratch home
	$(BIN)/stet demo

build:            ## both programs into bin/
	$(GO) build $(GOFLAGS) -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/stet ./cmd/stetd

test:             ## the whole suite, with full-text search
	$(GO) vet -tags $(TAGS) ./...
	$(GO) test -tags $(TAGS) $(TESTFLAGS) ./...

# Nothing runs at once in the left out: texts of many megabytes, a bad disk below
# one connection, one client or engine at a time. The simulation has one event
# loop.
RACELESS := TestLongNoteEditedAllDay|TestLaterPartFails|TestLongBatchIsSplit|TestLimits|TestCodedAnswers|TestNative32Content|Suite|TestDevices|TestAnswersAreLost|TestMlog|TestStrangeAnswers|TestLifeOnEveryServer|TestDay$$|TestSnapshotSurvivesCuts|TestFaultsLoseAndDoubleNothing|TestState02RandomHistories|TestAnyWindowDraws
RACEPKGS := ./db/local ./db/server/... ./syncengine ./syncengine/merge ./syncengine/remote/... ./syncengine/server/... ./ui/...

test-race:        ## what runs at the same time, under the race detector
	$(GO) test -race -short -tags $(TAGS) -p 4 -skip '$(RACELESS)' $(RACEPKGS)
	$(GO) test -race -short -tags $(TAGS) -run 'TestRunningRoundIsSeen|TestStage' ./cmd/stet

interop:          ## against real Kinto servers, and Kinto's npm clients against stetd
	@.ci/interop

check:            ## format, vet, static analysis, known vulnerabilities
	@unformatted=$$(gofmt -l cmd db model syncengine ui); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags $(TAGS) ./...
	@$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 -tags $(TAGS) ./... || echo "govulncheck: did not pass or its database could not be reached (see above)"

proof:            ## interop and all proofs below but drain, at the gate's numbers, as one table
	@.ci/proof

sim:              ## N seeded schedules of devices, servers and faults, from SEED on
	@$(GO) run -tags $(TAGS) ./cmd/stetsim -n $(N) -seed $(SEED) $(SIMFLAGS)

sim-mutants:      ## the simulation finds every bug it is given
	@$(GO) run -tags $(TAGS) ./cmd/stetsim -mutants -pick $(MUTANTS) $(SIMFLAGS)

merges:           ## MERGES merges against an independent oracle
	@STET_MERGES=$(MERGES) $(PROVE) -run '^TestMergeOracle$$' ./syncengine/merge

disk:             ## crashes between statements, failing disks (SWEEP=1: in every scenario), power losses
	@STET_DISK=all STET_SWEEP=$(SWEEP) STET_POWER=$(POWER) $(PROVE) -run '^(TestCrashBetweenStatements|TestIOFaultSweep|TestPowerLoss)$$' ./db/faultdisk

days:             ## servers wiped, restored, compacted; devices cloned; clocks wrong
	@STET_DAYS=$(HISTORIES) $(PROVE) -run '^Test(Day|Compact|Listing|Backup|Restore)' ./syncengine ./db/server/sqlite ./cmd/stetd ./cmd/e2e

answers:          ## ANSWERS ops, and OTHERS over Kinto and mutations, while three of ten answers are lost
	@STET_OPS=$(ANSWERS) STET_OPS_OTHERS=$(OTHERS) $(PROVE) -run '^TestAnswersAreLost$$' ./cmd/e2e

protocols:        ## moves, strategies and conflicts over all three protocols
	@STET_PROTOCOLS=all $(GO) test -tags $(TAGS) -count=1 -timeout 60m -run '^Test(Move|ThreeProtocols|Strategies|Trouble|PlainBodies)' ./cmd/e2e

soak:             ## SOAK seconds of real programs in a bad network, then peace
	@STET_SOAK=$(SOAK) $(PROVE) -run '^TestSoak$$' ./cmd/e2e

kill:             ## kill -9 of both programs at random moments, KILLS times
	@STET_KILLS=$(KILLS) $(PROVE) -run '^TestKillAnything$$' ./cmd/e2e

processes:        ## five processes on one store for SPAN seconds
	@STET_SECONDS=$(SPAN) $(PROVE) -run '^TestProcessesShareAStore$$' ./cmd/e2e

fuzz:             ## every decoder and parser, FUZZTIME each
	@.ci/told fuzz .ci/fuzz

drain:            ## QUEUE notes written offline go out, through interrupts
	@STET_DRAIN=$(QUEUE) $(PROVE) -run 'Drain' ./cmd/e2e ./cmd/stet

bench: build      ## figures beside their floors, measured in the same run
	$(GO) run -tags $(TAGS) ./cmd/stetbench -stet $(BIN)/stet -stetd $(BIN)/stetd

pictures:         ## the README's pictures, from the real screens
	$(GO) test ./ui/uitest -run TestPictures -update

clean:            ## remove what was built
	rm -rf $(BIN)
