package admin

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// drainLookEvery is how often everything that is here is looked at. The end of a move is noticed at once.
const drainLookEvery = time.Second

// drainer carries out one drain: it tells the plan what is here and what has become of the moves, and does what the plan says.
// One goroutine does all of that; others read under the lock.
type drainer struct {
	s       *Server
	opt     drainOptions
	stop    context.CancelFunc
	work    sync.WaitGroup // the goroutine, and one that waits for each move
	poke    chan struct{}  // a move may have ended
	lookAt  time.Time      // when to look at everything again
	started time.Time

	mu        sync.Mutex // guards what is below; only the goroutine changes the plan
	plan      *drainPlan
	cancelled bool
	next      chan struct{} // closed at the next change
}

// newDrainer returns a drain that has not begun.
func newDrainer(s *Server, o drainOptions, now time.Time) *drainer {
	return &drainer{
		s: s, opt: o, started: now, plan: newDrainPlan(o.parallel), poke: make(chan struct{}, 1), next: make(chan struct{}),
		stop: func() {},
	}
}

// start begins the work, which ends with close, with the node, or when nothing is left to follow.
func (d *drainer) start() {
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	d.work.Go(func() { d.run(ctx) })
}

// close ends the work and tells those who watch. Moves that were begun go on.
func (d *drainer) close() {
	d.stop()
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.plan.over {
		d.plan.over, d.cancelled = true, true
	}
	d.tell()
}

// running reports whether moves are still begun.
func (d *drainer) running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.plan.over
}

// nodes lists the targets.
func (d *drainer) nodes() []drainTarget {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []drainTarget
	for _, t := range d.plan.targets {
		list = append(list, *t)
	}
	return list
}

// changed returns a channel that is closed at the next change.
func (d *drainer) changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next
}

// tell wakes those who watch. The caller holds the lock.
func (d *drainer) tell() {
	close(d.next)
	d.next = make(chan struct{})
}

// run works until nothing is under way and nothing more is begun, or the node closes.
func (d *drainer) run(ctx context.Context) {
	for {
		if d.step(ctx) != nil || d.plan.over && len(d.plan.inFlight()) == 0 {
			return
		}
		wait := time.NewTimer(d.pause(time.Now()))
		select {
		case <-wait.C:
		case <-d.poke:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// pause is how long nothing happens by itself.
func (d *drainer) pause(now time.Time) time.Duration {
	until := now.Add(drainLookEvery)
	for _, t := range []time.Time{d.plan.wake(now), d.lookAt, d.started.Add(d.opt.deadline)} {
		if t.After(now) && t.Before(until) {
			until = t
		}
	}
	if d.plan.settled() && !d.plan.over {
		return 0
	}
	return until.Sub(now)
}

// step looks at what there is and begins what can be begun. The end needs a look that has found nothing after everything was
// settled: what was not counted then cannot come any more.
func (d *drainer) step(ctx context.Context) error {
	now := time.Now()
	quiet := d.plan.settled()
	if quiet || !now.Before(d.lookAt) {
		if err := d.look(ctx, now); err != nil {
			return err
		}
	}
	if err := d.follow(ctx, now); err != nil {
		return err
	}
	return d.begin(ctx, now, quiet)
}

// look tells the plan what is here and where it can go. Births are counted before the daemons, so that none is missed.
func (d *drainer) look(ctx context.Context, now time.Time) error {
	arriving := int(d.s.gate.births.Load())
	moves, err := d.s.cfg.Peer.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range moves {
		arriving += one(slices.Contains(m.Roles, subproto.Target) && (m.Outcome == 0 || m.Outcome == wire.OutcomeInDoubt))
	}
	views, err := d.s.cfg.Peer.Daemons(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(views, func(a, b node.DaemonView) int { return strings.Compare(a.Name, b.Name) })
	targets := d.opt.to
	if len(targets) == 0 {
		if targets, err = d.s.drainTargets(ctx); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan.reach(now, targets)
	d.plan.see(now, views, d.stuck, arriving)
	d.lookAt = now.Add(drainLookEvery)
	d.tell()
	return nil
}

// stuck reports whether a daemon in the journal will not come back by itself.
func (d *drainer) stuck(v node.DaemonView) bool {
	return v.Dormant && (v.Damage != nil || !slices.Contains(d.s.cfg.Peer.Kinds(), v.Kind))
}

// needsTarget refuses a drain that could move nothing.
func (d *drainer) needsTarget() error {
	if len(d.plan.entries)+d.plan.arriving == 0 || len(d.plan.targets) > 0 {
		return nil
	}
	name := d.s.cfg.Peer.Name()
	return client.Problemf(client.CodeUnknown, "no_target", "%s knows no other node that its daemons could be moved to", name).
		Now("nothing was changed; %s serves as before", name).
		Then("peer drain --to NODE; peer node ls shows which there are, and a peer that may only submit is not chosen by itself")
}

// follow tells the plan how the moves stand.
func (d *drainer) follow(ctx context.Context, now time.Time) error {
	for _, e := range d.plan.inFlight() {
		m, err := d.s.cfg.Peer.Migration(ctx, e.move)
		known := err == nil
		if err != nil && wire.ReasonOf(err) != wire.ReasonDaemonNotFound {
			return err
		}
		d.mu.Lock()
		d.plan.told(now, e, m, known)
		d.mu.Unlock()
	}
	return nil
}

// begin begins moves, or ends the drain's attempts.
func (d *drainer) begin(ctx context.Context, now time.Time, quiet bool) error {
	d.mu.Lock()
	if quiet && d.plan.settled() || now.Sub(d.started) >= d.opt.deadline {
		d.plan.over = true
	}
	begun := d.plan.begin(now)
	for _, e := range begun {
		e.move, _ = newMigrationID() // never fails
	}
	d.tell()
	d.mu.Unlock()
	for _, e := range begun {
		if err := d.move(ctx, now, e); err != nil {
			return err
		}
	}
	return nil
}

// move begins one move. What the node refuses at once has failed like any other.
func (d *drainer) move(ctx context.Context, now time.Time, e *drainEntry) error {
	b, err := d.s.book(ctx)
	if err != nil {
		return err
	}
	p := d.s.cfg.Peer
	h, err := p.Migrate(ctx, peer.MigrateRequest{
		ID: e.move, Origin: e.view.Origin, Source: p.ID(), Target: e.target, Addrs: addrsOf(b, e.target, p),
	})
	if err != nil {
		m := node.Migration{
			ID: e.move, Origin: e.view.Origin, Name: e.view.Name, Kind: e.view.Kind, Source: p.ID(), Target: e.target, Orchestrator: p.ID(),
			Outcome: wire.OutcomeStayed, Reason: wire.ReasonOf(err), Detail: err.Error(),
		}
		d.mu.Lock()
		d.plan.told(now, e, m, true)
		d.mu.Unlock()
		return nil
	}
	d.s.moves.keep(h)
	d.work.Go(func() { d.await(ctx, h) })
	return nil
}

// await pokes the drain when a move has an outcome.
func (d *drainer) await(ctx context.Context, h *peer.Migration) {
	for last := wire.Outcome(0); ; {
		changed := h.Changed() // before the look, so that no change is missed
		if m := h.Status(); m.Outcome != last {
			last = m.Outcome
			select {
			case d.poke <- struct{}{}:
			default: // it has not looked since the last poke
			}
			if last != 0 && last != wire.OutcomeInDoubt {
				return
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
