package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stet/model"
	"stet/syncengine"
	"stet/syncengine/remote"
	"stet/syncengine/store"
	"stet/ui/kit/cells"
)

// connectFlags are what connect was given.
type connectFlags struct {
	protocol, user, tokenFile, collection, label, strategy, ranges string
	plain, whole, insecure, yes                                    bool
}

func connectCommand(a *app) *cobra.Command {
	var f connectFlags
	cmd := &cobra.Command{
		Use:   "connect URL",
		Short: "Name the sync server; sends and fetches nothing yet",
		Long: "Asks the server which protocol it speaks (stet's own, Kinto's, or the mutations log) and who we are, " +
			"and keeps the connection. Notes move with the next stet sync. " +
			"The token comes from a file, from stdin (--token-file -), or is asked for on a terminal.\n\n" +
			"Kinto: --user names the account and the token is its password; without --user the token is sent as it is (Bearer). " +
			"Notes lie in bucket default and collection notes, unless the address or --collection says otherwise.\n\n" +
			"The mutations log: some servers know of a note nothing but its body. For them --plain-bodies writes title, tags and " +
			"all else as a head of the body, and --ranges sends what such a server wants with every note.\n\n" +
			"A note that was changed here and elsewhere is merged, and waits for you where the changes overlap. " +
			"--strategy server, client or newest takes one side instead; what loses stays in the note's history. " +
			"Connect again to choose another one, or with a new token: all that you do not name stays as it is.\n\n" +
			"From one server to another: connect to the other one. Where both sides have notes you see how many, and are asked; " +
			"then stet sync --dry-run lists what the next sync will do, note by note. The server that you leave keeps what it has.",
		Example: `  stet connect https://notes.example.org --token-file token
  stet connect https://kinto.example.org/v1 --user ana --token-file password
  stet connect http://127.0.0.1:8420 --token-file - < token
  stet connect https://notes.example.org --token-file token --strategy newest`,
		Args: exactly("the server's address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.whole = cmd.Flags().Changed("plain-bodies") && !f.plain
			return a.connect(cmd.Context(), args[0], f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.protocol, "protocol", protocolAuto, "`NAME`: auto, stet, kinto or mutations")
	fl.StringVar(&f.user, "user", "", "account `NAME`, the token being its password; for kinto. The client's id for mutations")
	fl.StringVar(&f.strategy, "strategy", "", "`NAME`: what becomes of a note changed in two places: merge (if none is named), server, client or newest")
	fl.StringVar(&f.tokenFile, "token-file", "", "`FILE` that holds the token; - reads stdin")
	fl.StringVar(&f.collection, "collection", "", "`NAME` of the collection; for kinto")
	fl.BoolVar(&f.plain, "plain-bodies", false, "the server's notes are bodies alone; for mutations")
	fl.StringVar(&f.ranges, "ranges", "", "`LIST` that every note names, like 2:255-2:257, where the server wants it; for mutations, with plain bodies")
	fl.StringVar(&f.label, "device", "", "`NAME` of this device in conflicts and history")
	fl.BoolVar(&f.insecure, "insecure-http", false, "send the token over plain http to another machine")
	fl.BoolVar(&f.yes, "yes", false, "go on without asking when both sides have notes")
	return cmd
}

// helloTime bounds how long connect waits for the server's answers.
const helloTime = 20 * time.Second

func (a *app) connect(ctx context.Context, address string, f connectFlags) error {
	c, err := parseServer(address, f.protocol)
	if err != nil {
		return err
	}
	if err := checkURL(c.URL, f.insecure); err != nil {
		return err
	}
	if f.label, err = valid("the device's name", f.label); err != nil {
		return err
	}
	if err := f.describe(&c); err != nil {
		return err
	}
	token, err := a.takeToken(f.tokenFile)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	if err := c.find(asking); err != nil {
		return err
	}
	if c.Bodies == plainBodies && c.Protocol != protocolMutations {
		return usage("leave it out", "--plain-bodies and --ranges are for the mutations log, and %s speaks %s", c.URL, c.Protocol)
	}
	r, err := newRemote(c, token)
	if err != nil {
		return err
	}
	info, err := r.Hello(asking)
	if errors.Is(err, remote.ErrAuth) && c.Protocol == protocolKinto && c.User == "" {
		return fail(exitAuth, "where the token is a password, name its account: --user NAME", "the server refused the token")
	}
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	c.Account = info.Account
	d, err := a.open(ctx)
	if err != nil {
		return err
	}
	if err := d.writable(); err != nil {
		return err
	}
	if err := a.agree(asking, d, r, c, f.yes); err != nil {
		return err
	}
	if err := d.inherit(ctx, &c); err != nil {
		return err
	}
	if err := d.connectTo(ctx, c, token, info.Epoch, f.label); err != nil {
		return err
	}
	name := c.URL
	if c.Account != "" {
		name += " as " + c.Account
	}
	a.say("Connected to %s. Next: stet sync", name)
	if info.Notice != "" {
		a.say("The server says: %s", cells.CleanLine(info.Notice))
	}
	return nil
}

// describe writes into a connection what the flags say of it.
func (f connectFlags) describe(c *connection) error {
	if _, err := syncengine.ParseStrategy(f.strategy); err != nil {
		return usage("it is one of merge, server, client, newest", "there is no strategy %q", f.strategy)
	}
	c.User, c.Collection, c.Strategy = f.user, f.collection, f.strategy
	switch {
	case f.whole && f.ranges != "":
		return usage("", "--ranges goes with plain bodies only")
	case f.whole:
		c.Bodies = wholeBodies
	case f.plain || f.ranges != "":
		c.Bodies = plainBodies
	}
	var ranges []string
	for part := range strings.SplitSeq(f.ranges, ",") {
		if part = strings.TrimSpace(part); part != "" {
			ranges = append(ranges, part)
		}
	}
	c.Ranges = strings.Join(ranges, ",")
	return nil
}

// inherit leaves as it is what was not named when connecting to the same
// account again.
func (d *device) inherit(ctx context.Context, c *connection) error {
	old, connected, err := d.connection(ctx)
	if err != nil || !connected || old.key() != c.key() {
		return err
	}
	c.Strategy, c.Bodies, c.Ranges = cmp.Or(c.Strategy, old.Strategy), cmp.Or(c.Bodies, old.Bodies), cmp.Or(c.Ranges, old.Ranges)
	return nil
}

// agree shows what joining means when both sides have notes, and asks.
func (a *app) agree(ctx context.Context, d *device, r remote.Remote, c connection, yes bool) error {
	old, connected, err := d.connection(ctx)
	if err != nil || connected && old.key() == c.key() {
		return err
	}
	counts, err := d.store.Counts(ctx)
	if err != nil {
		return fmt.Errorf("count notes: %w", err)
	}
	if counts.Notes == 0 {
		return nil
	}
	page, err := r.Pull(ctx, "", joinPage)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	there, both := 0, 0
	for _, rec := range page.Changes {
		if rec.Fields.Deleted {
			continue
		}
		there++
		if _, err := d.store.Get(ctx, rec.ID); err == nil {
			both++
		} else if !errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("compare notes: %w", err)
		}
	}
	if there == 0 {
		a.say("The server has no notes yet; this device has %s.", plural(counts.Notes, "note", "notes"))
		return nil
	}
	if err := a.printJoin(counts.Notes, there, both, page.More); err != nil {
		return err
	}
	switch {
	case yes:
		return nil
	case a.interactive():
		if a.ask("Connect and join them with the next sync?") {
			return nil
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return errInterrupted
		}
		return fail(exitFailure, "", "nothing was changed")
	}
	return fail(exitReview, "to go on, write --yes", "this device and the server both have notes; nothing was changed")
}

// joinPage is how many notes of the server are looked at for the plan.
const joinPage = 1000

func (a *app) printJoin(here, there, both int, more bool) error {
	atLeast := ""
	if more {
		atLeast = "at least "
	}
	err := a.print("This device has %s, the server %s%d; %s%d of them are the same note on both.\n",
		plural(here, "note", "notes"), atLeast, there, atLeast, both)
	if err != nil {
		return err
	}
	if err := a.print("The next sync sends what only this device has and fetches what only the server has.\n" +
		"Notes on both sides are merged, or wait for review. What one side deleted since the two last met\n" +
		"goes to the trash, or waits for you. Note by note, once connected: stet sync --dry-run\n"); err != nil {
		return err
	}
	return a.out.flush()
}

// writable tells early why nothing can be saved.
func (d *device) writable() error {
	if reason := d.store.ReadOnly(); reason != nil {
		return reason
	}
	return nil
}

// connectTo replaces the connection; notes, outbox and the shadows of other
// servers stay.
func (d *device) connectTo(ctx context.Context, c connection, token, epoch, label string) error {
	old, connected, err := d.connection(ctx)
	if err != nil {
		return err
	}
	if connected && old.key() == c.key() { // a new token: nothing else moves, whoever syncs
		return d.keepConnection(ctx, c, token, epoch, label)
	}
	lease, err := d.lease(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = lease.Release() }() // the lock goes with the process anyway
	if err := d.keepConnection(ctx, c, token, epoch, label); err != nil {
		return err
	}
	if err := d.switchServer(ctx, c.key()); err != nil {
		return err
	}
	if connected && old.TokenIn == tokenInKeyring {
		return d.home.forgetKeyring(old.key())
	}
	return nil
}

func (d *device) keepConnection(ctx context.Context, c connection, token, epoch, label string) error {
	var err error
	if c.TokenIn, err = d.home.keepToken(c.key(), token); err != nil {
		return err
	}
	return d.saveConnection(ctx, c, epoch, label)
}

// finishSwitch ends a change of server that a crash cut short: the shadows in
// use must be those of the server we ask.
func (d *device) finishSwitch(ctx context.Context, c connection) error {
	key, err := d.store.Meta(ctx, store.MetaServer)
	if err != nil {
		return fmt.Errorf("read connection: %w", err)
	}
	if key == c.key() {
		return nil
	}
	lease, err := d.lease(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = lease.Release() }() // the lock goes with the process anyway
	return d.switchServer(ctx, c.key())
}

// switchServer makes another account's shadows the current ones and plans the
// outbox anew against them.
func (d *device) switchServer(ctx context.Context, key string) error {
	if err := d.store.SwitchServer(ctx, key); err != nil {
		return fmt.Errorf("switch server: %w", err)
	}
	return d.notes.Replan(ctx)
}

// lease waits a little for the process that syncs.
func (d *device) lease(ctx context.Context) (store.Lease, error) {
	for try := 0; ; try++ {
		lease, err := d.store.Lease(ctx)
		if err == nil {
			return lease, nil
		}
		if !errors.Is(err, model.ErrBusy) {
			return nil, fmt.Errorf("take the right to sync: %w", err)
		}
		if try == 20 {
			return nil, fail(exitBusy, "end the other stet first", "another stet is syncing these notes")
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}
