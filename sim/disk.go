package sim

import (
	"errors"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/wire"
)

// housekeeping is how often a node looks after its journal.
const housekeeping = 20 * time.Millisecond

func (c *Cluster) durable() bool { return c.opt.Durability > wire.DurabilityMemory }

// mayDoubt reports whether a migration may stay in doubt: at durability memory, after the death of its source or its target. An
// orchestrator that dies takes nothing with it that the others do not know.
func (c *Cluster) mayDoubt(m *migration) bool {
	return !c.durable() && (m.sourceDied() || m.targetDied())
}

// mayLose reports whether a migration may lose its daemon: at durability memory, after the death of its source.
func (c *Cluster) mayLose(m *migration) bool { return !c.durable() && m.sourceDied() }

// openJournal reads what the node's earlier lives have left.
func (l *life) openJournal() {
	if !l.c.durable() {
		return
	}
	if l.disk == nil {
		l.Node.disk = crashdisk.New()
	}
	j, err := journal.Open(l.disk, l.c.opt.Journal)
	if err != nil {
		l.c.Failf("%s: open the journal: %v", l.Name, err)
		j, err = journal.Open(crashdisk.New(), l.c.opt.Journal)
		if err != nil {
			panic("sim: internal error: " + err.Error())
		}
	}
	l.journal, l.executor.Journal = j, j
}

// recover gives the core what was found, and lets it bring back the daemons.
func (l *life) recover() {
	if l.journal == nil {
		return
	}
	l.forgetUnsynced()
	for _, in := range l.executor.Found() {
		if r, ok := in.(node.FoundHandover); ok {
			l.c.committed(l, r.Daemon.Origin, r.Commit.Ref.Migration, r.Commit.Target, r.Commit.Orchestrator, r.Head)
		}
		l.step(in)
	}
	for _, kind := range []string{KindTape, KindFrozen} {
		l.step(node.KindRegistered{Kind: kind})
	}
	l.after(housekeeping, l.keepJournal)
}

func (l *life) keepJournal() {
	if l.journal.Pending() > 0 {
		_ = l.wait(l.journal.Last()) // a full disk is met again by whoever needs it
	}
	for _, origin := range l.executor.Due(l.c.now) {
		l.dispatch(node.Call{Origin: origin, Op: node.Checkpoint{}})
	}
	l.after(housekeeping, l.keepJournal)
}

func (l *life) compact(view node.Checkpointed) {
	if view.Err != nil {
		return
	}
	l.after(between(l.c.source("calls"), 0, l.c.opt.Net.Call), func() {
		if err := l.executor.Compact(view, l.wait); err != nil && !errors.Is(err, journal.ErrDiskFull) {
			l.c.Failf("%s: compact: %v", l.Name, err)
		}
	})
}

// wait makes a place in the journal durable at once: how long that takes is up to the caller.
func (l *life) wait(at journal.Position) error {
	if at == 0 {
		return nil
	}
	return l.journal.Wait(at)
}

// crashDisk leaves of what was not synced what a power failure or a kill leaves.
func (n *Node) crashDisk() {
	if n.disk != nil {
		rng := n.c.source("disks")
		modes := crashdisk.Modes()
		n.disk.Crash(rng, modes[rng.IntN(len(modes))])
	}
}

// forgetUnsynced takes out of the cluster's own record what the dead holder of a daemon had applied and not
// synced. None of it may have been acknowledged, unless the daemon is of durability handover: there the log follows
// with a delay, and what was applied before that must be back.
func (l *life) forgetUnsynced() {
	last := make(map[uint64]uint64)
	for _, c := range l.journal.State().Copies {
		last[c.Origin] = max(last[c.Origin], c.Last)
	}
	for _, origin := range l.c.origins() {
		j := l.c.logs[origin]
		if j.holder == nil || j.holder.Node != l.Node {
			continue
		}
		if through, ok := last[origin]; ok {
			l.c.truncate(j, through)
		}
	}
}

func (c *Cluster) truncate(j *chronicle, through uint64) {
	if j.acked > through {
		c.lose(j, through)
	}
	for seq, digest := range j.at {
		if seq > through {
			j.shed.events[digest] = true
			delete(j.at, seq)
			delete(j.first, seq)
		}
	}
	for seq := range j.heads {
		if seq > through {
			delete(j.heads, seq)
		}
	}
	for s, seq := range j.where {
		if seq > through {
			j.shed.submissions[s] = true
			delete(j.where, s)
		}
	}
	for p, seq := range j.payload {
		if seq > through {
			delete(j.payload, p)
		}
	}
}

// lose notes that acknowledged entries at the end of a log are gone, which is what durability handover costs
// (protocol §7.1.1) and no other level: no more than the log's delay, and nothing from before the last handover.
func (c *Cluster) lose(j *chronicle, through uint64) {
	switch at, ok := j.first[through+1]; {
	case c.opt.Durability != wire.DurabilityHandover:
		c.Failf("%s was acknowledged through %d and is durable through %d", j.daemon.Name, j.acked, through)
	case !ok || at.Add(housekeeping).Before(j.holder.died):
		c.Failf("%s had entry %d for %v, and has lost it", j.daemon.Name, through+1, j.holder.died.Sub(at))
	case len(j.moves) > 0 && through <= j.moves[len(j.moves)-1].head.Sequence:
		c.Failf("%s is durable through %d, before its last handover", j.daemon.Name, through)
	}
	j.acked = through
	for _, r := range c.requests {
		if r.Origin == j.daemon.Origin && r.Answered && r.Err == nil && r.Receipt.Sequence > through {
			r.Lost = true
		}
	}
}

func newShed() shed {
	return shed{events: make(map[crypto.Digest]bool), submissions: make(map[submission]bool)}
}

// reports are the results of a daemon's calls on their way to the core. They keep their order, and none arrives
// before what it asserts is durable.
type reports struct {
	waiting []report
	last    time.Time
}

type report struct {
	at      time.Time
	durable journal.Position
	done    node.Done
}

func (l *life) report(origin uint64, delay time.Duration, durable journal.Position, done node.Done) {
	r := l.reports[origin]
	if r == nil {
		r = &reports{}
		l.reports[origin] = r
	}
	r.last = later(r.last, l.c.now.Add(delay))
	r.waiting = append(r.waiting, report{at: r.last, durable: durable, done: done})
	l.at(r.last, func() { l.deliver(r) })
}

// deliver reports what is due. A disk that takes no writes holds everything up.
func (l *life) deliver(r *reports) {
	for len(r.waiting) > 0 && !r.waiting[0].at.After(l.c.now) {
		next := r.waiting[0]
		if err := l.wait(next.durable); err != nil {
			l.after(10*time.Millisecond, func() { l.deliver(r) })
			return
		}
		r.waiting = r.waiting[1:]
		if done, ok := next.done.Result.(source.HandedOver); ok && done.Err == nil {
			v, _ := l.core.Migration(next.done.Call.Migration)
			l.c.committed(l, next.done.Call.Origin, next.done.Call.Migration, handedOver(next.done.Call.Op), v.Orchestrator, l.headOf(next.done.Call.Origin))
		}
		l.step(next.done)
		if l.dead {
			return
		}
	}
}

// reporting reports whether a result is on its way.
func (l *life) reporting() bool {
	for _, r := range l.reports {
		if len(r.waiting) > 0 {
			return true
		}
	}
	return false
}

// headOf returns the head at which a daemon was handed over here.
func (l *life) headOf(origin uint64) (head crypto.Head) {
	if host, ok := l.registry.Host(origin); ok {
		list := host.Passport().Handovers
		head = list[len(list)-1].Head
	}
	return head
}

// Disk is the node's disk, nil at durability memory.
func (n *Node) Disk() *crashdisk.Disk { return n.disk }

// Commits returns the migrations that have handed the daemon over durably, in order.
func (c *Cluster) Commits(origin uint64) (ids []wire.MigrationID) {
	for _, m := range c.logs[origin].moves {
		ids = append(ids, m.id)
	}
	return ids
}
