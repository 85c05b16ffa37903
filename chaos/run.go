package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// What makes a run worth counting.
const (
	leastMoves = 1 // of each daemon
	leastOps   = 100
)

// drainLimit is how long the last answers may take once everything has been repaired.
const drainLimit = 30 * time.Second

// defaultKills is how many nodes die in a run where daemons survive that.
const defaultKills = 2

// result is what came of one run.
type result struct {
	findings                findings
	void                    string // why it does not count, empty if it does
	moves, kills, ops, open int
	took                    time.Duration
}

// fail adds an error, if there is one, or each of several that were joined.
func (r *result) fail(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			r.fail(err)
		}
		return
	}
	if err != nil {
		r.findings.require(false, "%v", err)
	}
}

// crew is the goroutines of a run, and the first things they could not do.
type crew struct {
	running sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error
}

// send lets a member of the crew work until stop is closed.
func (w *crew) send(ctx context.Context, stop <-chan struct{}, work func(context.Context, <-chan struct{}) error) {
	w.running.Go(func() {
		if err := work(ctx, stop); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.errs = append(w.errs, err)
		}
	})
}

// wait returns when all have come back.
func (w *crew) wait() error {
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.errs...)
}

// runHistory makes one history under faults and judges it.
func (h *harness) runHistory(ctx context.Context, base string, seed uint64) *result {
	return h.inCluster(ctx, base, seed, func(c *cluster, r *result) {
		plan := h.drawPlan(c, seed)
		text, err := json.MarshalIndent(plan, "", " ")
		r.fail(errors.Join(err, os.WriteFile(filepath.Join(base, "plan.json"), text, 0o600)))
		n := &nemesis{c: c}
		h.underTrouble(ctx, c, seed, r, func(ctx context.Context) error { return n.run(ctx, plan, h.o.length) })
		r.kills = n.kills
	})
}

// inCluster starts a cluster, makes a run in it, and ends it.
func (h *harness) inCluster(ctx context.Context, base string, seed uint64, run func(*cluster, *result)) *result {
	began, r := time.Now(), &result{}
	c, err := newCluster(ctx, h, base, seed)
	if err != nil {
		r.fail(err)
	} else {
		run(c, r)
	}
	for _, m := range c.members {
		r.fail(m.crashed())
		if len(r.findings) > 0 {
			r.fail(m.preserve())
		}
	}
	r.fail(c.close())
	r.took = time.Since(began)
	return r
}

// underTrouble lets everybody work while there is trouble, waits for the last answers, and checks.
func (h *harness) underTrouble(ctx context.Context, c *cluster, seed uint64, r *result, trouble func(context.Context) error) {
	kv, errKV := newSubject(ctx, c, "kv", seed)
	words, errWords := newSubject(ctx, c, "wordcount", seed)
	if err := errors.Join(errKV, errWords); err != nil {
		r.fail(err)
		return
	}
	subjects := []*subject{kv, words}
	r.fail(kv.fill(ctx))
	h.work(ctx, subjects, seed, r, trouble)
	h.judge(ctx, c, subjects, r)
	r.fail(linearizable(kv.history.all()))
	r.void = void(subjects, r.ops)
}

// void says why a run does not count, nothing if it does.
func void(subjects []*subject, ops int) string {
	for _, s := range subjects {
		if s.mover.outcomes[client.OutcomeMoved] < leastMoves {
			return "the " + s.daemon.Kind + " never moved"
		}
	}
	if ops < leastOps {
		return fmt.Sprintf("only %d operations", ops)
	}
	return ""
}

// drawPlan draws the faults of a run.
func (h *harness) drawPlan(c *cluster, seed uint64) []fault {
	p := &planner{rng: rand.New(rand.NewPCG(seed, 1)), ends: c.ends(), length: h.o.length, disks: h.disks}
	for _, m := range c.members {
		p.nodes = append(p.nodes, m.name)
	}
	if p.kills = h.o.kills; p.kills < 0 {
		p.kills = defaultKills
	}
	if !h.durable() {
		p.kills = 0
	}
	return p.plan()
}

// work lets movers, watchers and producers work while trouble goes on. Producers end last: they insist on
// their answers once everything is repaired.
func (h *harness) work(ctx context.Context, subjects []*subject, seed uint64, r *result, trouble func(context.Context) error) {
	var movers, others crew
	stop, stopMoves := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i, s := range subjects {
		movers.send(ctx, stopMoves, s.mover.run)
		others.send(ctx, stop, s.watcher.run)
		r.fail(s.load(ctx, &others, stop, seed+uint64(i)<<32))
	}
	r.fail(trouble(ctx))
	close(stopMoves)
	r.fail(movers.wait())
	close(stop)
	defer time.AfterFunc(drainLimit, cancel).Stop()
	r.fail(others.wait())
}

// load starts the producers of a daemon: a history for one that answers, events by the window for others.
func (s *subject) load(ctx context.Context, w *crew, stop <-chan struct{}, seed uint64) error {
	for i, n := range s.c.clients {
		if s.daemon.Kind != "kv" {
			audit, err := newAuditWorker(s.c, n, s.daemon, s.history)
			if err != nil {
				return err
			}
			s.audits = append(s.audits, audit)
			w.send(ctx, stop, audit.run)
			continue
		}
		for j := range kvWorkers {
			worker := &kvWorker{
				c: s.c, n: n, daemon: s.daemon, h: s.history, name: fmt.Sprintf("%s.%d", n.name, j),
				rng: rand.New(rand.NewPCG(seed, uint64(10+i*kvWorkers+j))),
			}
			w.send(ctx, stop, worker.run)
		}
	}
	return nil
}

// judge waits for the end of every migration, and then gathers the evidence about each daemon and checks it.
func (h *harness) judge(ctx context.Context, c *cluster, subjects []*subject, r *result) {
	r.fail(c.settle(ctx))
	for _, s := range subjects {
		e, err := s.gather(ctx)
		ops := s.history.all()
		for i := range ops {
			if ops[i].acknowledged() {
				r.ops++
			}
		}
		r.open += len(ops) - s.history.count()
		r.moves += s.mover.outcomes[client.OutcomeMoved]
		h.note("%s: outcomes of moves %v", s.daemon.Kind, s.mover.outcomes)
		r.fail(save(filepath.Join(s.c.base, s.daemon.Kind+".history"), ops))
		if err != nil {
			r.fail(err)
			continue
		}
		for _, finding := range e.check() {
			r.findings.require(false, "%s: %s", s.daemon.Kind, finding)
		}
	}
}
