# stet: two commands set everything up: `make run` and `make test`.
# Only Go and a C compiler are needed. The tag turns on SQLite's full-text
# index; without it everything works and search scans.

TAGS    := sqlite_fts5
GO      ?= go
GOFLAGS += -trimpath
LDFLAGS := -s -w -X main.version=$(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin

.PHONY: run demo build test test-race check bench kill pictures clean

run: build        ## open the app
	$(BIN)/stet

demo: build       ## sync and a conflict at once, on a scratch home
	$(BIN)/stet demo

build:            ## both programs into bin/
	$(GO) build $(GOFLAGS) -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/stet ./cmd/stetd

test:             ## the whole suite, with full-text search
	$(GO) vet -tags $(TAGS) ./...
	$(GO) test -tags $(TAGS) ./...

test-race:        ## what runs at the same time, under the race detector
	$(GO) test -race -tags $(TAGS) ./db/... ./syncengine/... ./ui/...
	$(GO) test -race -tags $(TAGS) -run 'TestRunningRoundIsSeen|TestStage' ./cmd/stet

check:            ## format, vet, static analysis, known vulnerabilities
	@unformatted=$$(gofmt -l cmd db model syncengine ui); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags $(TAGS) ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags $(TAGS) ./...
	@$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 -tags $(TAGS) ./... || echo "govulncheck: did not pass or its database could not be reached (see above)"

bench: build      ## figures beside their floors, measured in the same run
	$(GO) run -tags $(TAGS) ./cmd/stetbench -stet $(BIN)/stet -stetd $(BIN)/stetd

kill:             ## kill -9 of both programs at random moments, 200 times
	STET_KILLS=200 $(GO) test -tags $(TAGS) -count=1 -run TestKillAnything -v ./cmd/e2e

pictures:         ## the README's pictures, from the real screens
	$(GO) test ./ui/uitest -run TestPictures -update

clean:
	rm -rf $(BIN)
