package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// prepare learns who takes part, and refuses what can be known to fail before anything is started: a daemon
// that cannot come back would have to be removed by hand, at another machine.
func (b *bench) prepare(ctx context.Context) error {
	status, err := b.c.Status(ctx)
	if err != nil {
		return err
	}
	b.home = status.Node
	peers, err := b.c.Peers(ctx)
	if err != nil {
		return err
	}
	names := b.o.Targets
	if len(names) == 0 {
		names = all(peers)
	}
	if len(names) == 0 {
		return client.Problemf(client.CodeUnknown, "no_target", "%s knows no other node that daemons could be moved to", b.home.Label()).
			Now("nothing was started").Then("peer serve --peer NAME=KEY@ADDRESS, or peer key authorize for one that calls")
	}
	for _, name := range names {
		if err := b.reach(ctx, name, peers); err != nil {
			return err
		}
	}
	return nil
}

// all names every node that is known, by what is not ambiguous.
func all(peers []client.Peer) (ids []string) {
	for _, p := range peers {
		ids = append(ids, p.ID)
	}
	return ids
}

// reach asks a target to give back a daemon that does not exist. The answer tells whether it is there, and
// whether it would: the right is looked at before the daemon is.
func (b *bench) reach(ctx context.Context, name string, peers []client.Peer) error {
	var origin [8]byte
	_, _ = rand.Read(origin[:]) // never fails
	m, err := b.c.Migrate(ctx, client.MigrateRequest{Daemon: hex.EncodeToString(origin[:]), From: name, Target: b.home.ID})
	if errors.Is(err, &client.Problem{Kind: "unknown_daemon"}) { // only of its own daemons does a node know that
		return client.Problemf(client.CodeUsage, "usage", "%s is the node that the daemons are started at; name others to move them to", b.home.Label()).
			Now("nothing was started").Then("peer node ls")
	}
	if err != nil {
		return nothingStarted(err)
	}
	to := m.Source
	m, err = b.c.Watch(ctx, m.ID, nil)
	if m.Reason != wire.ReasonDaemonNotFound.String() {
		return b.unreachable(to, m, err)
	}
	for _, p := range peers {
		if p.ID == to.ID && !strings.Contains(p.Rights, wire.RightMigrateIn.String()) {
			return b.noWayBack(to)
		}
	}
	b.targets = append(b.targets, to)
	return nil
}

// unreachable says why a target does not take part.
func (b *bench) unreachable(to client.Node, m client.Migration, err error) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	if p.Kind == "interrupted" || m.Reason == "" {
		return nothingStarted(p)
	}
	code, why := client.CodeUnreachable, m.Detail
	if p.Code == client.CodeRefused {
		code = p.Code
	}
	if m.Reason == wire.ReasonRefused.String() {
		why = "daemons could not be moved back: " + why
	}
	return client.Problemf(code, p.Kind, "%s cannot take part: %s", to.Label(), why).Now("nothing was started").Then("%s", p.Next)
}

// noWayBack: the file of authorized peers does not let a target bring daemons here.
func (b *bench) noWayBack(to client.Node) error {
	key := to.ID
	if id, err := crypto.ParseNodeID(to.ID); err == nil {
		key = crypto.AuthorizedLine(id, nil, to.Name)
	}
	return client.Problemf(client.CodeRefused, "refused", "%s may not bring daemons to %s, so they could not come back", to.Label(), b.home.Label()).
		Now("nothing was started").Then("peer key authorize '%s' --rights submit,migrate-in, at %s", key, b.home.Label())
}

// nothingStarted completes the problem of a request that came before anything was started.
func nothingStarted(err error) error {
	var p *client.Problem
	if errors.As(err, &p) {
		return p.Now("nothing was started")
	}
	return err
}

// spawn starts the daemons and gives them their state.
func (b *bench) spawn(ctx context.Context) error {
	began := time.Now()
	for i := range b.o.Daemons {
		s, err := b.spawnOne(ctx, daemonName(b.run, i))
		if err != nil {
			return err
		}
		b.show.headline(b)
		if err := b.fill(ctx, s); err != nil {
			return fmt.Errorf("%s could not be given its state: %w", s.daemon.Label(), err)
		}
		if err := b.addProducers(s, i); err != nil {
			return err
		}
	}
	b.show.spawned(b, time.Since(began))
	return nil
}

// spawnOne starts a daemon. One whose start was not confirmed may have been started: it is looked for by its
// name when the others are removed.
func (b *bench) spawnOne(ctx context.Context, name string) (*subject, error) {
	s := &subject{daemon: client.Daemon{ID: name, Name: name, Holder: b.home}, at: -1}
	b.subjects = append(b.subjects, s)
	err := b.collector.limited(ctx, func(ctx context.Context) error {
		d, err := b.c.SpawnWith(ctx, client.SpawnRequest{Kind: b.o.Kind, Name: name, Durability: b.o.Durability})
		if err == nil {
			s.daemon = d
		}
		return err
	})
	var p *client.Problem
	if errors.As(err, &p) && (p.Code == client.CodeRefused || p.Code == client.CodeUsage) {
		b.subjects = b.subjects[:len(b.subjects)-1] // it was turned down, so there is nothing to look for
	}
	return s, err
}

// addProducers prepares the streams of a daemon. Each has other events, the same in every run.
func (b *bench) addProducers(s *subject, i int) error {
	home, err := crypto.ParseNodeID(b.home.ID)
	if err != nil {
		return err
	}
	for j := range b.o.Producers {
		p := &producer{s: s, label: fmt.Sprintf("%s-%d", s.daemon.Name, j+1)}
		p.id = crypto.DeriveProducer(home, p.label)
		if p.payloads, err = newPayloads(b.o, b.o.Seed+uint64(i*b.o.Producers+j)); err != nil {
			return err
		}
		s.producers = append(s.producers, p)
	}
	return nil
}

// fill submits the events that a daemon begins with and waits for all of them. How long that takes is
// nobody's latency.
func (b *bench) fill(ctx context.Context, s *subject) error {
	f := newFilling(b.o)
	if f.left == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(b.o.Timeout, func() { cancel(&stalled{s}) })
	defer silence.Stop()
	stream := b.c.Stream(ctx, s.daemon.ID, s.daemon.Name+"-fill", "")
	defer stream.Close()
	go func() {
		defer stream.CloseSend()
		for payload := f.next(); payload != nil; payload = f.next() {
			if stream.Send(0, payload) != nil {
				return // the stream has ended, and its other side knows why
			}
		}
	}()
	for {
		r, err := stream.Receive()
		silence.Reset(b.o.Timeout)
		switch cause := context.Cause(ctx); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && errors.As(cause, new(*stalled)):
			return cause
		case err != nil:
			return err
		}
		if err := filled(r); err != nil {
			return err
		}
	}
}

// filled: a refusal that is the kind's own answer is an event that was applied and has changed nothing.
func filled(r client.Receipt) error {
	if r.Problem != nil {
		return r.Problem
	}
	for _, out := range r.Outputs {
		if text := string(out); strings.HasPrefix(text, "refused: ") {
			return client.Problemf(client.CodeRefused, "rejected", "the daemon answered %q", text)
		}
	}
	return nil
}
