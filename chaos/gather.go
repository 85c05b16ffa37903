package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
)

// subject is one daemon of a run: what is done to it, and what was seen of it.
type subject struct {
	c       *cluster
	daemon  client.Daemon
	first   *member
	history *history
	watcher *watcher
	mover   *mover
	audits  []*auditWorker
}

// newSubject spawns a daemon.
func newSubject(ctx context.Context, c *cluster, kind string, seed uint64) (*subject, error) {
	d, err := c.spawn(ctx, kind)
	if err != nil {
		return nil, err
	}
	return &subject{
		c: c, daemon: d, first: c.members[0], history: newHistory(), watcher: newWatcher(c, d), mover: newMover(c, d, seed),
	}, nil
}

// What fills a daemon, so that its snapshots are worth interrupting: keys that nobody asks for.
const (
	fillKeys  = 24
	fillBytes = 128 << 10 // of each, the most that a value may have
)

// fill fills the daemon. The history has these events without the values.
func (s *subject) fill(ctx context.Context) error {
	p, err := s.c.clients[0].producer(s.c, s.daemon, "fill")
	if err != nil {
		return err
	}
	value := strings.Repeat("x", fillBytes)
	for i := range fillKeys {
		command := fmt.Sprintf("put fill%d ", i)
		op := s.history.begin(p.ID(), uint64(i+1), command)
		r, err := p.SubmitAs(ctx, op.Seq, []byte(command+value))
		if err != nil {
			return fmt.Errorf("filling the %s: %w", s.daemon.Kind, err)
		}
		s.history.end(op, r)
	}
	return nil
}

// gather waits until the daemon has one holder, and asks it. An error is a finding as well: the cluster has
// been repaired, and nothing is in the way of an answer.
func (s *subject) gather(ctx context.Context) (*evidence, error) {
	at, err := s.watcher.converge(ctx)
	if err != nil {
		return nil, err
	}
	e := &evidence{
		ops: s.history.all(), sequence: at.Sequence, holder: at.at.id.Hex(), first: s.first.id.Hex(),
		trails: make(map[crypto.ProducerID]*kinds.AuditTrail), seen: s.watcher.seen(),
		moves: s.mover.asked,
	}
	for _, w := range s.audits {
		e.trails[w.producer.ID()] = &w.trail
	}
	if err := s.ask(ctx, at.at, e); err != nil {
		return nil, err
	}
	return e, s.prove(ctx, at.at, e)
}

// inspect asks the daemon and decodes the answer.
func (s *subject) inspect(ctx context.Context, at *member, query string, into any) error {
	answer, err := at.admin.Inspect(ctx, s.daemon.ID, []byte(query))
	if err != nil {
		return fmt.Errorf("asking the %s at %s for %q: %w", s.daemon.Kind, at.name, query, err)
	}
	return json.Unmarshal(answer, into)
}

// ask fetches the daemon's own record of what it applied, and its opinion of itself.
func (s *subject) ask(ctx context.Context, at *member, e *evidence) error {
	var state struct {
		OK      bool
		Problem string
	}
	var all struct {
		Producers []crypto.ProducerID
		Overflow  uint64
	}
	if err := errors.Join(s.inspect(ctx, at, "check", &state), s.inspect(ctx, at, "audit", &all)); err != nil {
		return err
	}
	if !state.OK {
		e.state = errors.New(state.Problem)
	}
	if all.Overflow > 0 {
		return fmt.Errorf("%d events are of more producers than the daemon tells apart", all.Overflow)
	}
	e.reports = make(map[crypto.ProducerID]kinds.Report)
	for _, p := range all.Producers {
		var r kinds.Report
		if err := s.inspect(ctx, at, "audit "+p.String(), &r); err != nil {
			return err
		}
		e.reports[p] = r
	}
	return nil
}

// prove fetches the passport and has it verified by a process that knows nothing but the file.
func (s *subject) prove(ctx context.Context, at *member, e *evidence) error {
	raw, err := at.admin.Passport(ctx, s.daemon.ID)
	if err != nil {
		return fmt.Errorf("fetching the passport: %w", err)
	}
	path := filepath.Join(s.c.base, s.daemon.Kind+".passport")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	if e.passport, err = crypto.ParsePassport(raw); err != nil {
		e.verified = err
		return nil
	}
	if said, err := s.c.h.launcher.Output(ctx, s.c.h.peer, "verify", path, "--key", s.daemon.ID); err != nil {
		e.verified = fmt.Errorf("%w: %s", err, strings.TrimSpace(said))
	}
	return nil
}
