package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// settleStep is how often Settle looks if all is quiet.
const settleStep = 10 * time.Millisecond

// Settle lets the cluster come to rest and checks what must be true then. Faults must be over: every link
// open, every process alive.
func (c *Cluster) Settle(limit time.Duration) {
	c.log("settling")
	for end := c.now.Add(limit); c.err == nil && c.quiet() != "" && c.now.Before(end); {
		c.Run(settleStep)
	}
	if c.err != nil {
		return
	}
	if why := c.quiet(); why != "" {
		c.Failf("not at rest after %v: %s", limit, why)
		return
	}
	c.checkOutcomes()
	c.checkPassports()
	c.checkRequests()
	c.checkKeys()
}

// quiet returns what is still going on, or nothing.
func (c *Cluster) quiet() string {
	for _, n := range c.nodes {
		if n.hostile {
			continue
		}
		if why := c.busy(n.life); why != "" {
			return n.Name + ": " + why
		}
	}
	return ""
}

func (c *Cluster) busy(l *life) string {
	for _, r := range l.requests { // any of them will do: nothing is drawn or traced because of it
		if c.reachable(r.Origin) {
			return fmt.Sprintf("request %d for %s is open", r.ID, c.logs[r.Origin].daemon.Name)
		}
	}
	for _, m := range c.migrations {
		v, ok := m.seenBy(l)
		if !ok || v.Outcome == 0 || v.Outcome == wire.OutcomeInDoubt && !c.mayDoubt(m) {
			if ok && !c.logs[m.origin].wild {
				return fmt.Sprintf("%x runs: %s", m.id[:2], v.State)
			}
		}
	}
	if c.heard != nil {
		if why := c.unfinished(l); why != "" {
			return why
		}
	}
	if len(l.queues) > 0 || l.reporting() || len(l.copies) > 0 || len(l.restores) > 0 || len(l.streams) > 0 {
		return "work is under way"
	}
	if c.forwarding(l) {
		return "a source has its copy on the disk"
	}
	for _, host := range l.registry.Hosts() {
		if _, gone := host.HandedOver(); !gone && !host.Dark() && c.superseded(host.Origin(), host.Epoch()) && !c.undecided(host.Origin()) {
			return "a source has not got the entry of its promise"
		}
		if _, gone := host.HandedOver(); gone && !c.undecided(host.Origin()) {
			return "a source has not let go"
		}
		if host.Dark() && !c.undecided(host.Origin()) && !c.planted(l, host.Origin()) {
			return fmt.Sprintf("a dark host of %s is left: %x", c.logs[host.Origin()].daemon.Name, host.Origin())
		}
	}
	if l.handler.ActiveCount() > 0 {
		for _, origin := range c.origins() {
			if l.handler.IsMigrating(origin) && !c.undecided(origin) && !c.planted(l, origin) {
				return "a record of the target is left"
			}
		}
	}
	return ""
}

// forwarding reports whether a daemon that has moved is still in the journal: until its source has forwarded what it held. The
// requests that wait for that may all be those of hostile nodes.
func (c *Cluster) forwarding(l *life) bool {
	if l.journal == nil {
		return false
	}
	for _, copied := range l.journal.State().Copies {
		if copied.Handover != nil && !c.undecided(copied.Origin) {
			return true
		}
	}
	return false
}

// planted reports whether what a target has of a daemon is from a hostile source that has had it held: it waits.
func (c *Cluster) planted(l *life, origin uint64) bool {
	source, _ := l.handler.SourceNode(origin)
	_, _, held := l.handler.Held(origin)
	return held && c.isHostile(source)
}

func (c *Cluster) isHostile(id crypto.NodeID) bool {
	return slices.ContainsFunc(c.nodes, func(n *Node) bool { return n.ID == id && n.hostile })
}

// unfinished returns a migration that goes on although nobody has asked for it here: a hostile node has.
func (c *Cluster) unfinished(l *life) string {
	for _, v := range l.core.Migrations() {
		if j := c.logs[v.Origin]; j != nil && !j.wild && v.Outcome == 0 {
			return fmt.Sprintf("%x of %s runs: %s", v.ID[:2], j.daemon.Name, v.State)
		}
	}
	return ""
}

// undecided reports whether nobody can know where a daemon is: a process died between the hold and the
// activation, with the only proof, or, before the commit, with the only copy that could still have committed. If a hostile node
// asked for the move, nobody here says that it is in doubt.
func (c *Cluster) undecided(origin uint64) bool {
	if j := c.logs[origin]; j == nil || j.wild {
		return true // whoever has it decides, or does not
	}
	for _, m := range c.migrations {
		if m.origin == origin && c.mayDoubt(m) && c.outcome(m, wire.OutcomeInDoubt) {
			return true
		}
	}
	return c.heard != nil && !c.durable() && (c.logs[origin].lost || c.lastMoveHit(origin))
}

// lastMoveHit reports whether the source or the target of a daemon's last move has died since. That is all there is to go by if a
// hostile node has asked for the move.
func (c *Cluster) lastMoveHit(origin uint64) bool {
	moves := c.logs[origin].moves
	if len(moves) == 0 {
		return false
	}
	last := moves[len(moves)-1]
	return last.from.dead || last.to == nil || last.to.dead
}

// outcome reports whether any node that lives sees the migration end like that.
func (c *Cluster) outcome(m *migration, o wire.Outcome) bool {
	for _, n := range c.nodes {
		if n.life == nil || n.hostile {
			continue
		}
		if v, ok := m.seenBy(n.life); ok && v.Outcome == o {
			return true
		}
	}
	return false
}

// kept is how long a node remembers a migration that has ended at the least (node.Core).
const kept = 10 * time.Minute

// checkRemembered: whoever has asked for a migration can ask what became of it (promise P5).
func (c *Cluster) checkRemembered(m *migration) {
	l := m.lives[0]
	if l.dead || l.hostile || c.logs[m.origin].wild || c.now.Sub(m.at) >= kept {
		return
	}
	if v, ok := l.core.Migration(m.id); !ok || v.Outcome == 0 {
		c.Failf("%s has asked for %x and does not know what became of it: known %v, outcome %v", l.Name, m.id[:2], ok, v.Outcome)
	}
}

// checkOutcomes: no two nodes see a migration end differently, and what they see is what happened.
func (c *Cluster) checkOutcomes() {
	for _, m := range c.migrations {
		c.checkRemembered(m)
		for _, n := range c.nodes {
			if n.hostile || m.orch.hostile || c.logs[m.origin].wild {
				continue
			}
			if v, ok := m.seenBy(n.life); ok {
				c.checkOutcome(m, n, v)
			}
		}
	}
}

// checkOutcome: who says moved must be right about the move, whoever asked for it: a hostile node may have asked for it under
// the same id. Who says stayed must be right about its own request.
func (c *Cluster) checkOutcome(m *migration, n *Node, v node.Migration) {
	short := m.id[:2]
	anyone, asked := c.wasCommitted(m)
	switch v.Outcome {
	case wire.OutcomeMoved:
		if !anyone {
			c.Failf("%s: %x moved, but was never committed", n.Name, short)
		}
	case wire.OutcomeStayed:
		if asked && !(m.sourceDied() && (!c.durable() || c.leftAgain(m))) {
			c.Failf("%s: %x stayed (%s, %s), but was committed", n.Name, short, v.Reason, v.Detail)
		}
	case wire.OutcomeInDoubt:
		if !c.mayDoubt(m) {
			c.Failf("%s: %x is %v, and neither its source nor its target has died", n.Name, short, v.Outcome)
		}
	case wire.OutcomeLost:
		if !c.mayLose(m) {
			c.Failf("%s: %x is %v, and its source has not died", n.Name, short, v.Outcome)
		}
	}
}

// leftAgain reports whether a daemon has come back to where a migration took it from, and has left once more. Then a source that has
// restarted does not know of that migration any more: a node's record is that of its last move. See Limits in the
// package documentation.
func (c *Cluster) leftAgain(m *migration) bool {
	moves := c.logs[m.origin].moves
	at := slices.IndexFunc(moves, func(mv move) bool { return mv.id == m.id })
	return at >= 0 && slices.ContainsFunc(moves[at+1:], func(mv move) bool { return mv.from.Node == m.source })
}

// wasCommitted reports whether a migration was committed, for anyone and for the one who asked.
func (c *Cluster) wasCommitted(m *migration) (anyone, asked bool) {
	for _, mv := range c.logs[m.origin].moves {
		if mv.id == m.id && mv.from.Node == m.source && mv.target == m.target {
			anyone, asked = true, asked || mv.orch == m.orch.ID
		}
	}
	return anyone, asked
}

// checkPassports: the survivor's passport verifies, and has as many handovers as there were commits.
func (c *Cluster) checkPassports() {
	for _, origin := range c.origins() {
		j := c.logs[origin]
		holders, _ := c.holders(origin)
		if len(holders) == 0 {
			if !j.adrift {
				c.Failf("%s has no holder", j.daemon.Name)
			}
			continue
		}
		host, _ := holders[0].registry.Host(origin)
		p := host.Passport()
		if err := p.Verify(); err != nil {
			c.Failf("the passport of %s: %v", j.daemon.Name, err)
		}
		if len(p.Handovers) != len(j.moves) {
			c.Failf("%s was handed over %d times and has %d handovers", j.daemon.Name, len(j.moves), len(p.Handovers))
		}
		c.checkTape(j, holders[0], host.Head().Sequence)
	}
}
