package sim

import (
	"time"
)

// Action is what a step does.
type Action string

// The actions.
const (
	Create        Action = "create"
	CreateOdd     Action = "create odd text"
	Edit          Action = "edit"
	Retitle       Action = "title"
	Refile        Action = "notebook"
	Tag           Action = "tag"
	Cosmetic      Action = "cosmetic"
	Append        Action = "append"
	Delete        Action = "delete"
	Restore       Action = "restore"
	Undo          Action = "undo"
	OpenEditor    Action = "open external editor"
	SaveEditor    Action = "save external editor"
	Journal       Action = "journal"
	Resolve       Action = "resolve"
	Discard       Action = "discard"
	SendAgain     Action = "send again"
	Purge         Action = "purge"
	Many          Action = "many notes"
	DeleteMany    Action = "delete many"
	DeleteSome    Action = "delete some"
	Round         Action = "round"
	Agree         Action = "round --yes"
	Reopen        Action = "reopen"
	Kill          Action = "kill"
	Clone         Action = "clone home"
	BackupHome    Action = "backup home"
	RestoreHome   Action = "restore home"
	SwitchServer  Action = "switch server"
	NewerSchema   Action = "newer schema"
	Sleep         Action = "sleep"
	SleepLong     Action = "sleep 400 days"
	ClockJump     Action = "clock jump"
	ServerClock   Action = "server clock jump"
	ServerRestart Action = "server restart"
	ServerBackup  Action = "server backup"
	ServerRestore Action = "server restore"
	ServerCopied  Action = "server file copied back"
	ServerWipe    Action = "server wipe"
	ServerCompact Action = "server compact"
	Lock          Action = "token refused"
)

// actions are the kinds of steps with their mean weights; a rare one is left
// out in some seeds altogether, one without a weight is a habit only.
var actions = []struct {
	do     Action
	weight float64
	rare   bool
	run    func(*world, *device)
}{
	{Create, 8, false, (*world).doCreate},
	{CreateOdd, 1, true, (*world).doCreateOdd},
	{Edit, 20, false, (*world).doEdit},
	{Retitle, 3, false, (*world).doRetitle},
	{Refile, 2, false, (*world).doRefile},
	{Tag, 4, false, (*world).doTag},
	{Cosmetic, 4, false, (*world).doCosmetic},
	{Append, 5, false, (*world).doAppend},
	{Delete, 4, false, (*world).doDelete},
	{Restore, 3, false, (*world).doRestore},
	{Undo, 2, false, (*world).doUndo},
	{OpenEditor, 3, true, (*world).doOpenEditor},
	{SaveEditor, 4, true, (*world).doSaveEditor},
	{Journal, 1, true, (*world).doJournal},
	{Resolve, 6, false, (*world).doResolve},
	{Discard, 1, true, (*world).doDiscard},
	{SendAgain, 1, true, (*world).doSendAgain},
	{Purge, 1.5, true, (*world).doPurge},
	{Many, 0.5, true, (*world).doMany},
	{DeleteMany, 0.7, true, (*world).doDeleteMany},
	{Round, 30, false, (*world).doRound},
	{Agree, 2, false, (*world).doAgree},
	{Reopen, 0.5, true, (*world).doReopen},
	{Kill, 0.5, true, (*world).doReopen},
	{Clone, 0.3, true, (*world).doClone},
	{BackupHome, 1, true, (*world).doBackupHome},
	{RestoreHome, 1, true, (*world).doRestoreHome},
	{SwitchServer, 5, false, (*world).doSwitchServer},
	{NewerSchema, 0.2, true, (*world).doNewerSchema},
	{Sleep, 2, false, (*world).doSleep},
	{SleepLong, 0.2, true, (*world).doSleepLong},
	{ClockJump, 0.6, true, (*world).doClockJump},
	{ServerClock, 0.3, true, (*world).doServerClock},
	{ServerRestart, 0.3, true, (*world).doServerRestart},
	{ServerBackup, 0.5, true, (*world).doServerBackup},
	{ServerRestore, 0.3, true, (*world).doServerRestore},
	{ServerCopied, 0.5, true, (*world).doServerCopied},
	{ServerWipe, 0.2, true, (*world).doServerWipe},
	{ServerCompact, 0.3, true, (*world).doServerCompact},
	{Lock, 0.4, true, (*world).doLock},
	{DeleteSome, 0, true, (*world).doDeleteSome},
}

var deeds = func() map[Action]func(*world, *device) {
	out := map[Action]func(*world, *device){}
	for _, a := range actions {
		out[a.do] = a.run
	}
	return out
}()

// act does one action as a device. Its kills end here.
func (w *world) act(d *device, do Action) {
	w.meet("did " + string(do))
	d.acts(func() { deeds[do](w, d) })
	if w.failed != nil {
		panic(stop{})
	}
}

// others lets somebody act between two requests or transactions of a device's
// round.
func (w *world) others(d *device) {
	if w.calm || w.depth >= 2 {
		return
	}
	burst := w.on != 0 && w.chance(w.script.Config.Burst)
	if !burst && !w.chance(w.script.Config.Meet) {
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	if burst {
		w.burst(d)
		return
	}
	who, do := d, []Action{Edit, Edit, Tag, Append, Delete, Restore, Resolve, Retitle, SaveEditor, Round}[w.rng.IntN(10)]
	if w.rng.IntN(2) == 0 {
		who = w.devices[w.rng.IntN(len(w.devices))]
		if w.rng.IntN(2) == 0 {
			do = Round
		}
	}
	w.meet("met by others")
	w.trace.add("   meanwhile %s %s", who.label, do)
	w.act(who, do)
}

func (w *world) doSleep(*device) {
	w.now = w.now.Add(time.Duration(w.rng.Int64N(int64(3 * time.Hour))))
}

func (w *world) doSleepLong(*device) { w.now = w.now.Add(400 * day) }

func (w *world) doClockJump(d *device) {
	d.jumped = true
	d.skew = time.Duration(w.rng.Int64N(int64(20*year))) - 10*year
}

func (w *world) doServerClock(d *device) {
	s := w.servers[d.server]
	s.skew = time.Duration(w.rng.Int64N(int64(4*day))) - 2*day
	if w.rng.IntN(3) == 0 {
		s.skew = time.Duration(w.rng.Int64N(int64(20*year))) - 10*year
	}
}

func (w *world) doServerRestart(d *device) { w.servers[d.server].restart() }

func (w *world) doServerBackup(d *device) { w.servers[d.server].backup() }

func (w *world) doServerRestore(d *device) {
	s := w.servers[d.server]
	if len(s.backups) > 0 {
		w.meet("server restored")
		s.restore(s.backups[w.rng.IntN(len(s.backups))])
	}
}

func (w *world) doServerCopied(d *device) {
	s := w.servers[d.server]
	if len(s.backups) > 0 {
		w.meet("server file copied back")
		s.copyBack(s.backups[w.rng.IntN(len(s.backups))])
	}
}

func (w *world) doServerWipe(d *device) {
	w.meet("server wiped")
	w.servers[d.server].wipe()
}

func (w *world) doLock(d *device) {
	s := w.servers[d.server]
	s.locked = !s.locked
}

func (w *world) doServerCompact(d *device) {
	s := w.servers[d.server]
	w.meet("server compacted")
	s.compact(s.now().Add(-time.Duration(w.rng.Int64N(int64(3 * time.Hour)))))
}

// rare are the states that schedules must have met now and then, beside every
// kind of fault and every action.
var rare = []string{"process killed", "server crash before commit", "server crash after commit", "met by others", "lease refused",
	"guard held", "home cloned", "home restored", "server restored", "server file copied back", "server wiped", "server compacted", "request too large",
	"verdict replayed", "verdict conflict", "verdict already-exists", "verdict unknown-note", "verdict purged", "row was late",
	"version was overwritten unseen"}

// Kinds names all that a large number of schedules must have met, as Hits
// counts it.
func Kinds() []string {
	out := append([]string(nil), rare...)
	for _, table := range [][]chanceOf{faults, foreignFaults[Kinto], foreignFaults[Mutations]} {
		for _, f := range table {
			out = append(out, string(f.Fault))
		}
	}
	for _, a := range actions {
		out = append(out, "did "+string(a.do))
	}
	return out
}
