package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// leftover is a daemon that could not be removed.
type leftover struct {
	daemon client.Daemon // as it was seen last
	why    error
}

// settling is how often a daemon is looked at that is between two states.
const settling = 50 * time.Millisecond

// collector brings daemons home and removes them. A node that does not answer is not asked again: each time
// takes as long as the first.
type collector struct {
	c        *client.Client
	home     string        // id of the node that is asked
	patience time.Duration // with one daemon in one state
	silent   map[string]error
}

// newCollector returns one that has asked nobody.
func newCollector(c *client.Client, home string, patience time.Duration) *collector {
	return &collector{c: c, home: home, patience: patience, silent: make(map[string]error)}
}

// bringHome returns when the daemon serves at the node that is asked, wherever it was.
func (k *collector) bringHome(ctx context.Context, id string) (d client.Daemon, err error) {
	for until := time.Now().Add(k.patience); ; {
		if d, err = k.look(ctx, id); err == nil {
			if d.State == client.StateServing {
				return d, nil
			}
			err = k.advance(ctx, d)
		}
		if err == nil && time.Now().After(until) {
			err = client.Problemf(client.CodeDeadline, "deadline", "%s is %s", d.Label(), d.State)
		}
		if err == nil {
			err = pause(ctx, settling)
		}
		if err != nil {
			return d, err
		}
	}
}

// look asks for one daemon.
func (k *collector) look(ctx context.Context, id string) (d client.Daemon, err error) {
	return d, k.limited(ctx, func(ctx context.Context) error {
		d, err = k.c.Daemon(ctx, id)
		return err
	})
}

// limited asks the node something that it answers at once, unless its disk takes nothing or it has died.
func (k *collector) limited(ctx context.Context, ask func(context.Context) error) error {
	if err := k.silent[k.home]; err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	err := ask(limited)
	if noNode(err) || errors.Is(err, &client.Problem{Kind: "deadline"}) && ctx.Err() == nil {
		k.silent[k.home] = err
	}
	return err
}

// advance does what brings a daemon nearer to serving here. One that is frozen or on its way back from the
// journal gets there by itself.
func (k *collector) advance(ctx context.Context, d client.Daemon) error {
	switch d.State {
	case client.StateLeft:
		return k.fetch(ctx, d)
	case client.StateMoving:
		return k.halt(ctx, d)
	case client.StateDamaged:
		return d.Problem
	}
	return nil
}

// fetch moves a daemon back from where it went.
func (k *collector) fetch(ctx context.Context, d client.Daemon) error {
	if err := k.silent[d.Holder.ID]; err != nil {
		return err
	}
	m, err := k.c.Migrate(ctx, client.MigrateRequest{Daemon: d.ID, From: d.Holder.ID, Target: k.home})
	if err == nil {
		_, err = watch(ctx, k.c, m.ID, k.patience)
	}
	var p *client.Problem
	if errors.As(err, &p) && p.Code == client.CodeUnreachable && !noNode(err) {
		k.silent[d.Holder.ID] = err
	}
	return err
}

// halt ends a move that is under way, one way or the other: up to its commit it can be canceled.
func (k *collector) halt(ctx context.Context, d client.Daemon) error {
	err := k.limited(ctx, func(ctx context.Context) error {
		_, err := k.c.Cancel(ctx, d.Migration)
		return err
	})
	if k.silent[k.home] != nil {
		return err // any other is of a move that cannot be stopped any more
	}
	m, err := watch(ctx, k.c, d.Migration, k.patience)
	if m.Final() {
		return nil // however it ended, the next look tells where the daemon is
	}
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remove ends daemons for good, and returns those that it could not.
func (k *collector) remove(ctx context.Context, daemons []client.Daemon) (left []leftover) {
	for _, d := range daemons {
		last, err := k.bringHome(ctx, d.ID)
		if err == nil {
			err = k.limited(ctx, func(ctx context.Context) error {
				_, err := k.c.Stop(ctx, d.ID)
				return err
			})
		}
		if err == nil || ended(err) {
			continue
		}
		if last.ID != "" {
			d = last
		}
		left = append(left, leftover{d, err})
	}
	return left
}

// ended reports whether the node that should have a daemon says that there is none: it was never started, was removed
// already, or was in memory only.
func ended(err error) bool {
	return errors.Is(err, &client.Problem{Kind: "unknown_daemon"}) || errors.Is(err, &client.Problem{Kind: "daemon_not_found"})
}

// noNode reports whether the node that was asked does not answer at all.
func noNode(err error) bool {
	return errors.Is(err, &client.Problem{Kind: "no_node"}) || errors.Is(err, &client.Problem{Kind: "node_gone"})
}

// Remove takes away the daemons of a run that could not do so itself, and returns how many. The error says which
// are still there.
func Remove(ctx context.Context, c *client.Client, run string, patience time.Duration) (int, error) {
	if !strings.HasPrefix(run, prefix) {
		return 0, usagef("%q is not the name of a run, which begins with %q", run, prefix)
	}
	status, err := c.Status(ctx)
	if err != nil {
		return 0, err
	}
	list, err := c.Daemons(ctx)
	if err != nil {
		return 0, err
	}
	var daemons []client.Daemon
	for _, d := range list {
		if ofRun(d.Name, run) {
			daemons = append(daemons, d)
		}
	}
	if len(daemons) == 0 {
		return 0, client.Problemf(client.CodeUnknown, "unknown_run", "no daemon of %s is or was at %s", run, status.Node.Label()).
			Now("nothing was removed").Then("the same command at the node that it was started at, or peer daemon ls")
	}
	left := newCollector(c, status.Node.ID, patience).remove(ctx, daemons)
	if len(left) > 0 {
		return len(daemons) - len(left), leftBehind(left).Then("%s", removal(run, left))
	}
	return len(daemons), nil
}

// leftBehind is the problem of daemons that could not be removed.
func leftBehind(left []leftover) *client.Problem {
	p := client.Problemf(client.CodeError, "left_behind", "%s could not be removed: %v", count(len(left), "daemon"), left[0].why)
	return p.Now("%s", leftText(left))
}

// removal is the command that removes what is left, and when it can.
func removal(run string, left []leftover) string {
	command, why := "peer bench --remove "+run, left[0].why
	var p *client.Problem
	switch {
	case noNode(why):
		return command + ", once the node is up again"
	case errors.As(why, &p) && p.Code == client.CodeUnreachable:
		return command + ", once " + left[0].daemon.Holder.Label() + " is up again"
	}
	return command
}

// leftShown is how many daemons are named. The rest have names like them.
const leftShown = 3

// leftText says which daemons are left, and where they are.
func leftText(left []leftover) string {
	var parts []string
	for _, l := range left[:min(len(left), leftShown)] {
		parts = append(parts, l.daemon.Label()+" at "+l.daemon.Holder.Label())
	}
	text := strings.Join(parts, ", ")
	if more := len(left) - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	text = "left behind: " + text
	if noNode(left[0].why) {
		text += "; this node has not answered, and brings back what is in its journal when it is started"
		if left[0].daemon.Durability == "memory" {
			text += ", which those of durability memory are not"
		}
	}
	return text
}

// insistent returns a context that outlives a first Ctrl-C, or the closing of the terminal, so that what was started can
// be taken away, and ends with a Ctrl-C that comes after it. called is told of the first. It is made before ctx can end.
func insistent(ctx context.Context, called func()) (context.Context, func()) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for first := true; ; first = false {
			select {
			case s := <-signals:
				switch {
				case first:
					called()
				case s != syscall.SIGHUP: // a shell passes on what the terminal has said already
					cancel()
				}
			case <-out.Done():
				return
			}
		}
	}()
	return out, func() {
		signal.Stop(signals)
		cancel()
	}
}
