package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The shape of the kill harness.
const (
	defaultPointKills = 500
	killsPerCluster   = 20
	reachLimit        = 3 * time.Second  // for a node to come by the step at which it is to die
	firstLimit        = 10 * time.Second // the same for a step that none has come by so far, at the first try
	patientTries      = 6                // up to which each try of such a step is longer than the one before by firstLimit
	mostPause         = 300 * time.Millisecond
	secondShare       = 0.2 // of kills at which another node dies as well
)

// passings are at which passing of its step a node dies: mostly early, now and then in full swing.
var passings = []int{1, 1, 1, 2, 2, 3, 5, 10, 30}

// failVariable is how a node is told to die at a step: NAME:N, at the N-th passing.
const failVariable = "FERRY_FAIL"

// killer ends nodes while everybody works: at random moments, and between two of those at a named step of
// what they do to make things durable.
type killer struct {
	c      *cluster
	rng    *rand.Rand
	points []string
	want   int

	kills   int
	tried   map[string]int // by step; these two go on from cluster to cluster
	reached map[string]int
}

// run kills as often as wanted and leaves all nodes running.
func (k *killer) run(ctx context.Context) error {
	for k.kills < k.want && ctx.Err() == nil {
		wait(ctx, time.Duration(k.rng.Int64N(int64(mostPause))))
		order := k.rng.Perm(len(k.c.members))
		m := k.c.members[order[0]]
		k.kill(m)
		if k.rng.Float64() < secondShare {
			k.kill(k.c.members[order[1]])
		}
		if len(k.points) > 0 {
			if err := k.atPoint(ctx, m); err != nil {
				return err
			}
		}
		if err := k.c.startAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// kill kills a node at this moment, whatever it does.
func (k *killer) kill(m *member) {
	k.c.h.note("kill %s", m.name)
	m.kill()
	k.kills++
}

// draw chooses one of the steps that were tried least, at which passing of it to die, and how long that may
// take. One that no node has come by yet is waited for longer, at its first passing.
func (k *killer) draw() (point string, nth int, limit time.Duration) {
	least := k.tried[slices.MinFunc(k.points, func(a, b string) int { return k.tried[a] - k.tried[b] })]
	for _, i := range k.rng.Perm(len(k.points)) {
		if point = k.points[i]; k.tried[point] == least {
			break
		}
	}
	k.tried[point]++
	if k.reached[point] == 0 {
		return point, 1, firstLimit * time.Duration(min(k.tried[point], patientTries))
	}
	return point, passings[k.rng.IntN(len(passings))], reachLimit
}

// atPoint starts a dead node so that it dies at a step, and waits for that. One that does not come by is
// killed all the same: an armed node must not be left behind.
func (k *killer) atPoint(ctx context.Context, m *member) error {
	point, nth, limit := k.draw()
	fail := fmt.Sprintf("%s=%s:%d", failVariable, point, nth)
	k.c.h.note("start %s with %s", m.name, fail)
	err := m.start(ctx, fail)
	m.expect()
	select {
	case <-m.died():
	case <-time.After(limit):
		k.kill(m)
		return err
	case <-ctx.Done():
		return nil
	}
	if !m.wasKilled() {
		return errors.Join(fmt.Errorf("node %s, told to die with %s, ended otherwise: %w", m.name, fail, m.process.Err()), err)
	}
	k.c.h.note("%s died at %s", m.name, point)
	k.kills++
	k.reached[point]++
	return nil
}

// wasKilled reports whether the node, which has ended, died of SIGKILL.
func (m *member) wasKilled() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	exit, ok := errors.AsType[*exec.ExitError](m.process.Err())
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// failpoints lists the steps at which a node can be made to die: from a file, or from the program itself. A program that knows
// none would be killed at random moments only, which is not what was asked for.
func (h *harness) failpoints(ctx context.Context) ([]string, error) {
	var text []byte
	var err error
	if h.o.points != "" {
		text, err = os.ReadFile(h.o.points)
	} else {
		var said string
		said, err = h.launcher.Output(ctx, h.peer, "debug", "failpoints")
		text = []byte(said)
	}
	list := names(text)
	if err == nil && len(list) == 0 {
		err = errors.New("none is named")
	}
	if err != nil {
		return nil, fmt.Errorf("the durable steps at which nodes can die (build the program with -tags failpoints): %w", err)
	}
	return list, nil
}

// names splits lines, without comments and empty ones.
func names(text []byte) (list []string) {
	for line := range bytes.Lines(text) {
		if name := strings.TrimSpace(string(line)); name != "" && !strings.HasPrefix(name, "#") {
			list = append(list, name)
		}
	}
	return list
}

// killAll makes clusters until enough nodes have died.
func (h *harness) killAll(ctx context.Context) error {
	if !h.durable() {
		return errors.New("daemons in memory end with their node, as documented: there is nothing to kill for")
	}
	points, err := h.failpoints(ctx)
	if err != nil {
		return err
	}
	want := h.o.kills
	if want < 0 {
		want = defaultPointKills
	}
	most := 2*want/killsPerCluster + 3 // of clusters: kills in one where too little happened do not count
	done := 0
	for i := 0; done < want && i < most; i++ {
		seed, n := h.o.seed+uint64(i), share(want-done)
		r := h.inDir(seed, func(base string) *result { return h.runKills(ctx, base, seed, points, n) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h.count(seed, r)
		if r.kills == 0 {
			return fmt.Errorf("seed %d killed nobody", seed)
		}
		if r.void == "" {
			done += r.kills
		}
	}
	h.sayPoints(points)
	if done < want {
		return fmt.Errorf("only %d of %d kills count: in the clusters of the others too little happened", done, want)
	}
	return h.total.reached(points)
}

// share is how many of the kills that are left a cluster gets: about as many as each after it, since little happens in one that
// has only a few.
func share(left int) int {
	clusters := (left + killsPerCluster - 1) / killsPerCluster
	return (left + clusters - 1) / clusters
}

// enoughTries is how often nodes are told to die at a step before it counts that none ever did.
const enoughTries = 10

// reached returns an error if no node has died at any step, or none at one that was tried often: then the step is not what it
// is called, or what passes it does not happen here, and its name tests nothing.
func (t *totals) reached(points []string) error {
	died := false
	for _, p := range points {
		died = died || t.points[p] > 0
		if t.points[p] == 0 && t.tried[p] >= enoughTries {
			return fmt.Errorf("no node has ever come by the step %q, in %d tries", p, t.tried[p])
		}
	}
	if !died {
		return fmt.Errorf("no node has come by any of %d steps", len(points))
	}
	return nil
}

// runKills makes one cluster and kills its nodes n times.
func (h *harness) runKills(ctx context.Context, base string, seed uint64, points []string, n int) *result {
	return h.inCluster(ctx, base, seed, func(c *cluster, r *result) {
		k := &killer{c: c, rng: rand.New(rand.NewPCG(seed, 3)), points: points, want: n, tried: h.total.tried, reached: h.total.points}
		h.underTrouble(ctx, c, seed, r, k.run)
		r.kills = k.kills
	})
}

// sayPoints prints how often a node died at each step, of the times it was to.
func (h *harness) sayPoints(points []string) {
	for _, p := range points {
		h.say("  died %d times of %d at %q", h.total.points[p], h.total.tried[p], p)
	}
}
