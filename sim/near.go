package sim

import (
	"time"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// interfere does harm around the steps of a cutover, which last so short a time that chance alone seldom meets
// them. What it does are acts like any others: a script has them at their times.
func (s *Storm) interfere(l *life, call node.Call) {
	r := s.source("near")
	soon := func() time.Duration { return between(r, 0, 4*time.Millisecond) }
	switch call.Op.(type) {
	case source.CallHandOver, source.CallPromise, source.CallFollow:
		if name, ok := s.nameOf(call.Migration); ok && r.IntN(10) == 0 {
			s.later(soon()/4, Act{Op: "cancel", By: l.Index, Name: name})
		}
	case target.CallHold, target.CallActivate, target.CallRelease, node.Bury:
	default:
		return
	}
	if s.durable() && r.IntN(12) == 0 {
		s.after(soon(), func() { s.fell(l.Index) })
	}
}

// nameOf returns the name of a migration that an act has asked for.
func (s *Storm) nameOf(id wire.MigrationID) (int, bool) {
	for name, asked := range s.asked {
		if asked == id {
			return name, true
		}
	}
	return 0, false
}

// moveOn moves every daemon once more, with nobody in the way: a storm leaves nothing behind that stops that.
// A few need not succeed, see spared.
func (s *Storm) moveOn() {
	asked := make(map[wire.MigrationID]*Node)
	for _, origin := range s.origins() {
		holders, _ := s.holders(origin)
		if s.err != nil || len(holders) == 0 {
			continue
		}
		if to := s.neighbor(holders[0].Node, len(asked)); to != holders[0].Node {
			asked[to.Migrate(origin, holders[0].Node, to, wire.Options{})] = to
		}
	}
	s.Settle(2 * time.Minute)
	for _, m := range s.migrations {
		if n := asked[m.id]; n != nil && s.err == nil {
			v, _ := n.life.core.Migration(m.id)
			if v.Outcome != wire.OutcomeMoved && !s.spared(n, v) {
				s.Failf("%x, asked for after the storm, ended %v: %v, %s", m.id[:2], v.Outcome, v.Reason, v.Detail)
			}
		}
	}
}

// spared reports whether a migration to a node may fail although nothing is in its way any more.
func (s *Storm) spared(to *Node, v node.Migration) bool {
	switch v.Reason {
	case wire.ReasonFreezeBudget, wire.ReasonLimit:
		return true
	case wire.ReasonAlreadyMigrating, wire.ReasonMoved:
		return s.setup.Hostile // whose source keeps the place for a while, and who may ask for a move of any daemon at any time
	}
	return s.setup.MaxActive > 0 && to.life.handler.ActiveCount() >= s.setup.MaxActive // copies in doubt: nothing else is left
}

// neighbor returns an honest node some places behind one.
func (s *Storm) neighbor(n *Node, further int) *Node {
	honest := len(s.nodes)
	if s.setup.Hostile {
		honest--
	}
	return s.nodes[(n.Index+1+further)%honest]
}
