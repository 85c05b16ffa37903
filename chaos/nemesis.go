package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/ferrymesh/ferry/internal/relay"
)

// nemesis carries out a plan. It never leaves anything broken: when run returns, nodes run, disks have room
// and lines are fine.
type nemesis struct {
	c *cluster

	mu     sync.Mutex // guards what is below
	active []fault    // of the network, that go on now
	kills  int
	err    error // the first thing that could not be done
}

// run carries out the plan and returns when its time is over and the last fault is, too.
func (n *nemesis) run(ctx context.Context, plan []fault, length time.Duration) error {
	var nodes, network []fault
	for _, f := range plan {
		if f.Kind == faultKill || f.Kind == faultStop || f.Kind == faultFull {
			nodes = append(nodes, f)
			continue
		}
		network = append(network, f)
	}
	began := time.Now()
	var running sync.WaitGroup
	running.Go(func() { wait(ctx, length) })
	running.Go(func() {
		for _, f := range nodes { // one after the other: a killed node cannot be stopped
			wait(ctx, f.At-time.Since(began))
			n.failed(n.toNode(ctx, f))
		}
	})
	for _, f := range network {
		running.Go(func() {
			wait(ctx, f.At-time.Since(began))
			n.failed(n.toNetwork(ctx, f))
		})
	}
	running.Wait()
	n.failed(n.c.mesh.Heal())
	return n.err
}

// failed keeps the first error.
func (n *nemesis) failed(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil && n.err == nil {
		n.err = err
	}
}

// toNode does something to a process, and undoes it.
func (n *nemesis) toNode(ctx context.Context, f fault) error {
	if ctx.Err() != nil {
		return nil
	}
	n.c.h.note("fault: %v", f)
	m := n.c.members[slices.IndexFunc(n.c.members, func(m *member) bool { return m.name == f.End })]
	switch f.Kind {
	case faultStop:
		m.signal(syscall.SIGSTOP)
		wait(ctx, f.For)
		m.signal(syscall.SIGCONT)
		return nil
	case faultKill:
		m.kill()
		n.mu.Lock()
		n.kills++
		n.mu.Unlock()
		wait(ctx, f.For)
		return m.start(ctx)
	}
	// A node whose disk is full acknowledges nothing, and goes on once there is room again.
	err := m.disk.fill()
	wait(ctx, f.For)
	return errors.Join(err, m.disk.relieve())
}

// toNetwork does something to packets, and undoes it.
func (n *nemesis) toNetwork(ctx context.Context, f fault) error {
	if ctx.Err() != nil {
		return nil
	}
	n.c.h.note("fault: %v", f)
	if f.Kind == faultRebind {
		for _, other := range n.c.ends() {
			n.c.mesh.Rebind(f.End, other)
		}
		return nil
	}
	err := n.change(func() { n.active = append(n.active, f) })
	wait(ctx, f.For)
	return errors.Join(err, n.change(func() {
		n.active = slices.Delete(n.active, slices.Index(n.active, f), slices.Index(n.active, f)+1)
	}))
}

// change edits what is active and sets the rules of every line anew from all of it.
func (n *nemesis) change(edit func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	edit()
	var err error
	for _, from := range n.c.ends() {
		for _, to := range n.c.ends() {
			if from != to {
				err = errors.Join(err, n.c.mesh.Set(from, to, combine(n.active, from, to)))
			}
		}
	}
	return err
}

// combine adds up the faults that concern packets from one end to another. Times add, shares take the worst.
func combine(active []fault, from, to string) (r relay.Rules) {
	for _, f := range active {
		if f.Other == "" && f.End != from && f.End != to || f.Other != "" && (f.End != from || f.Other != to) {
			continue
		}
		o := f.Rules
		r.Cut = r.Cut || o.Cut
		r.Delay, r.Jitter = r.Delay+o.Delay, r.Jitter+o.Jitter
		r.Loss, r.Duplicate = max(r.Loss, o.Loss), max(r.Duplicate, o.Duplicate)
		r.Reorder, r.ReorderBy = max(r.Reorder, o.Reorder), max(r.ReorderBy, o.ReorderBy)
		if o.Rate > 0 && (r.Rate == 0 || o.Rate < r.Rate) {
			r.Rate = o.Rate
		}
	}
	return r
}
