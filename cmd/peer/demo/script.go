package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// script walks the plan: it moves the daemon while the producer submits, and looks closely at what each
// step has led to. It belongs to one goroutine.
type script struct {
	cluster *cluster
	load    *load
	steps   []step
	at      []int64 // where in the input each step begins; nil for events that do not end
	daemon  string  // id of the daemon
	size    uint64  // of its newest snapshot, or a guess
	epoch   uint64
	done    func(move) // called after every step
}

const (
	// pause is how long the daemon serves undisturbed before each step, and after the last.
	pause = time.Second
	// halfTime is how long the copy that is to be cut short takes to its half, at least.
	halfTime = time.Second
	// killedStall is how long the source waits for a target that is dead before it gives up.
	killedStall = 2 * time.Second
	// doubtLimit is how long an outcome may be in doubt.
	doubtLimit = 10 * time.Second
	// settleLimit is how long an acknowledgment may take after a step.
	settleLimit = 20 * time.Second
)

// run walks all steps. The error is about what kept it from going on; what a step itself did wrong is in
// its move.
func (s *script) run(ctx context.Context) error {
	for i, st := range s.steps {
		if err := s.turn(ctx, i); err != nil {
			return err
		}
		s.load.acks.takeGap() // the pause before the step is not the step's
		m, err := s.step(ctx, st)
		if err != nil {
			return err
		}
		mark := s.load.acks.mark()
		s.letOn(i)
		if err := s.serves(ctx, &m, st, mark); err != nil {
			return err
		}
		m.gap = s.load.acks.takeGap()
		s.done(m)
		if m.problem != "" {
			return nil // the moves after it would only tell the same
		}
		if st.kill {
			if err := s.cluster.restart(ctx, s.cluster.members[st.to]); err != nil {
				return err
			}
		}
	}
	return s.turn(ctx, len(s.steps))
}

// turn waits until step i may begin.
func (s *script) turn(ctx context.Context, i int) error {
	if s.at != nil {
		if i == len(s.steps) {
			return ctx.Err() // the rest of the input follows by itself
		}
		return s.load.gate.reach(ctx, s.at[i])
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// letOn lets the producer go on to what belongs before the step after the next.
func (s *script) letOn(i int) {
	if s.at != nil {
		s.load.gate.raise(s.at[min(i+2, len(s.at)-1)])
	}
}

// step asks for one move and follows it to its outcome.
func (s *script) step(ctx context.Context, st step) (move, error) {
	from, to := s.cluster.members[st.from], s.cluster.members[st.to]
	req := client.MigrateRequest{Daemon: s.daemon, Target: to.id.Hex()}
	if st.kill {
		req.MaxRate, req.Stall = s.cap(), killedStall
	}
	started, err := from.admin.Migrate(ctx, req)
	if err != nil {
		return move{}, err
	}
	killed, copied := false, uint64(0)
	last, err := follow(ctx, from.admin, started.ID, func(m client.Migration) {
		// The source reports every few dozen milliseconds; the cap leaves as much time again as has
		// passed until the copy is complete.
		if st.kill && !killed && halfCopied(m) {
			killed, copied = true, m.Stats.SnapshotSent
			to.kill()
		}
	})
	if last.Outcome == "" {
		return move{}, fmt.Errorf("the migration from %s to %s cannot be followed: %w", from.name, to.name, err)
	}
	m := newMove(from.name, to.name, last)
	if killed {
		// The source goes on to send for a moment, to nobody. What counts is what was there before.
		m.killed, m.stats.SnapshotSent = true, copied
	}
	s.judge(&m, st)
	return m, nil
}

// follow watches a migration until its outcome is final, or has been in doubt for so long that it will
// stay so.
func follow(ctx context.Context, at *client.Client, id string, f func(client.Migration)) (client.Migration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var doubt *time.Timer
	last, err := at.Watch(ctx, id, func(m client.Migration) {
		f(m)
		if m.Outcome == client.OutcomeInDoubt && doubt == nil {
			doubt = time.AfterFunc(doubtLimit, cancel)
		}
	})
	if doubt != nil {
		doubt.Stop()
	}
	return last, err
}

// cap is the bandwidth in bytes per second at which half of the copy takes halfTime.
func (s *script) cap() uint64 {
	half := max(s.size/2, 1)
	return max(uint64(float64(half)/halfTime.Seconds()), 1)
}

// halfCopied reports whether a copy has come to its half and is not complete: a target that dies later may
// already have been given the daemon.
func halfCopied(m client.Migration) bool {
	sent, size := m.Stats.SnapshotSent, m.Stats.SnapshotBytes
	return m.Outcome == "" && sent >= size-size/2 && sent < size
}

// judge holds the outcome against what the step was meant to lead to.
func (s *script) judge(m *move, st step) {
	switch {
	case st.kill && !m.killed:
		m.problem = fmt.Sprintf("it ended before half of the copy was there, so %s was not killed: %s %s", m.to, m.outcome, m.detail)
	case st.kill && m.outcome != client.OutcomeStayed:
		m.problem = fmt.Sprintf("%s was killed in the middle of the copy, and the outcome is %q, not %q: %s", m.to, m.outcome, client.OutcomeStayed, m.detail)
	case !st.kill && m.outcome != client.OutcomeMoved:
		m.problem = fmt.Sprintf("the outcome is %q, not %q: %s", m.outcome, client.OutcomeMoved, m.detail)
	case !st.kill:
		s.size, s.epoch = m.stats.SnapshotBytes, s.epoch+1
	}
}

// serves checks that the daemon is where it should be after a step, and serves: by what the node there
// says, and by an event that was submitted after the mark and is acknowledged by that node.
func (s *script) serves(ctx context.Context, m *move, st step, mark uint64) error {
	if m.problem != "" {
		return nil
	}
	holder := s.cluster.members[st.to]
	if st.kill {
		holder = s.cluster.members[st.from]
	}
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	d, err := holder.admin.Daemon(limited, s.daemon)
	if err != nil {
		return fmt.Errorf("node %s: %w", holder.name, err)
	}
	by, err := s.load.acks.more(limited, mark)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case d.State != client.StateServing || d.Epoch != s.epoch:
		m.problem = fmt.Sprintf("%s says that the daemon is %s there in epoch %d; it should be %s in epoch %d", holder.name, d.State, d.Epoch, client.StateServing, s.epoch)
	case err != nil:
		m.problem = fmt.Sprintf("no event was acknowledged within %v after it", settleLimit)
	case by != holder.id && by != crypto.NodeID{}:
		m.problem = fmt.Sprintf("an event submitted after it was acknowledged by %s, not by %s", s.name(by), holder.name)
	}
	return nil
}

// name is what a node is called here.
func (s *script) name(id crypto.NodeID) string {
	for _, m := range s.cluster.members {
		if m.id == id {
			return m.name
		}
	}
	return id.String()
}
