package node

import (
	"errors"
	"slices"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// frame decodes one frame and passes its message on. What cannot be read is answered and skipped; the
// session goes on, since the header said where the next frame begins.
func (c *Core) frame(in Frame) {
	s := c.sessions[in.Session]
	if s == nil {
		return
	}
	if !in.Header.Type.Subprotocol().Known() {
		c.stats.FramesUnknown++
		return
	}
	msg, err := wire.Decode(in.Header, in.Body)
	if err != nil {
		c.stats.FramesMalformed++
		if in.Header.Type == wire.TypeSessionError {
			return // which is never answered
		}
		c.complain(s, in.Header.Type, wire.Ref{}, err)
		return
	}
	switch msg := msg.(type) {
	case *wire.Hello:
		c.hello(s, msg)
		return
	case *wire.SessionError:
		c.sessionError(s, msg)
		return
	}
	if s.agreed == nil {
		c.early(s, in, msg)
		return
	}
	if err := s.agreed.Check(in.Header.Type.Subprotocol()); err != nil {
		c.complain(s, in.Header.Type, refOf(msg), err)
		return
	}
	if in.Header.Type.Subprotocol() == wire.SubDirectory {
		c.directory(s, msg)
		return
	}
	c.message(s.peer, s.rights, msg)
}

// maxEarly bounds the frames that may overtake a Hello: one session's streams are not ordered among each
// other, and a peer that has our Hello may speak on any of them.
const maxEarly = 8

var errNoHello = errors.New("node: a session begins with Hello")

// early keeps a frame until the session's Hello has arrived.
func (c *Core) early(s *session, in Frame, msg wire.Message) {
	if len(s.early) == maxEarly {
		c.complain(s, in.Header.Type, refOf(msg), errNoHello)
		return
	}
	s.early = append(s.early, in)
}

// complain answers a frame that was not obeyed, counts it and notes it.
func (c *Core) complain(s *session, t wire.Type, ref wire.Ref, err error) {
	c.stats.FramesRefused++
	c.note(Note{Kind: NoteRefused, Peer: s.peer, Origin: ref.Origin, Migration: ref.Migration, Text: t.String(), Err: err})
	c.sendOn(s, &wire.SessionError{
		Subject: t, Origin: ref.Origin, Migration: ref.Migration,
		Reason: wire.ReasonOf(err), Detail: told(err),
	})
}

// told is an error in the words that the peer it is about may read.
func told(err error) string {
	if wrong := (*subproto.WrongPeerError)(nil); errors.As(err, &wrong) {
		return wire.ClipDetail(wrong.Told())
	}
	return wire.ClipDetail(err.Error())
}

func refOf(msg wire.Message) wire.Ref {
	if r, ok := msg.(wire.Referring); ok {
		return r.Reference()
	}
	return wire.Ref{}
}

// sessionError is a peer's complaint. Where it concerns a migration it counts as that peer's failure, as
// far as the peer's role allows.
func (c *Core) sessionError(s *session, msg *wire.SessionError) {
	c.note(Note{Kind: NoteRefused, Peer: s.peer, Origin: msg.Origin, Migration: msg.Migration, Text: "the peer refused " + msg.Subject.String(), Err: msg.Err()})
	if msg.Subject.Subprotocol() != wire.SubMigration || msg.Migration == (wire.MigrationID{}) {
		return
	}
	ref := wire.Ref{Migration: msg.Migration, Origin: msg.Origin}
	failed := &wire.MigrationFailed{Ref: ref, Reason: msg.Reason, Detail: msg.Detail}
	roles, err := subproto.Route(wire.TypeMigrationFailed, s.peer, c.views(ref))
	if err != nil {
		return // not even a refusal: that would be answered with the next
	}
	roles = slices.DeleteFunc(roles, func(r subproto.Role) bool { return !c.concerns(failed, r) })
	c.deliver(roles, s.peer, failed)
}

// concerns reports whether a role takes a complaint for a failure of its migration. A held copy goes only when its source says
// in so many words that the migration is over.
func (c *Core) concerns(failed *wire.MigrationFailed, r subproto.Role) bool {
	return r != subproto.Target || c.targets[failed.Migration].m.Status().Phase != wire.PhaseCutover
}

// message takes a message whose sender is known, from a session or from this node itself.
func (c *Core) message(from crypto.NodeID, rights wire.Rights, msg wire.Message) {
	if msg.Type().Subprotocol() == wire.SubSubmission {
		c.submission(from, rights, msg)
		return
	}
	if err := subproto.CheckRight(msg.Type(), from, rights); err != nil {
		c.refuse(from, msg, err)
		return
	}
	switch msg := msg.(type) {
	case *wire.TakeSnapshot:
		c.takeSnapshot(from, msg)
	case *wire.Prepare:
		c.prepare(from, msg)
	default:
		c.routed(from, msg)
	}
}

// routed passes a message of a running migration to the roles that take it from this sender.
func (c *Core) routed(from crypto.NodeID, msg wire.Message) {
	ref := refOf(msg)
	if c.dormant[ref.Origin] != nil {
		return // whoever it is asks again, and is answered when the daemon is back
	}
	roles, err := subproto.Route(msg.Type(), from, c.views(ref))
	switch {
	case err == nil:
		c.deliver(roles, from, msg)
		if slices.Equal(roles, []subproto.Role{subproto.Orchestrator}) {
			c.answerBesides(from, ref, msg)
		}
	case c.displaced(from, ref, msg):
		c.refuseMove(from, msg, subproto.WrongPeer(msg.Type(), from, subproto.Target, c.sources[ref.Migration].m.Target()))
	case errors.Is(err, wire.ErrDaemonNotFound), c.recorded(ref, msg):
		c.stray(from, ref, msg)
	default:
		c.refuse(from, msg, err)
	}
}

// answerBesides answers what only the orchestrator here was there to take, with what the node itself knows.
func (c *Core) answerBesides(from crypto.NodeID, ref wire.Ref, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Ask:
		if from == c.cfg.Node {
			c.whereIs(from, ref, msg.Attempt) // it asks for the target's record, and there is no target here
		}
	case *wire.ActivateTarget:
		if c.daemons[ref.Origin] != nil {
			c.prove(from, ref, msg.Attempt, msg.Handover.Digest())
		}
	}
}

// refuse answers a message that its sender may not send, in the form the sender waits for.
func (c *Core) refuse(from crypto.NodeID, msg wire.Message, err error) {
	if _, opens := subproto.Opens(msg.Type()); opens {
		c.refuseMove(from, msg, err)
	} else if s := c.ready(from); s != nil {
		c.complain(s, msg.Type(), refOf(msg), err)
	}
}

// refuseMove answers a peer for which the refusal is the end of a migration: a copy that is held would survive a complaint.
func (c *Core) refuseMove(from crypto.NodeID, msg wire.Message, err error) {
	ref := refOf(msg)
	c.stats.FramesRefused++
	c.note(Note{Kind: NoteRefused, Peer: from, Origin: ref.Origin, Migration: ref.Migration, Text: msg.Type().String(), Err: err})
	c.send(from, &wire.MigrationFailed{Ref: ref, Reason: wire.ReasonOf(err), Detail: told(err)})
}

// displaced reports whether a peer speaks as the target of a migration under whose id this node gives the daemon to another:
// somebody has taken the id, after this node had forgotten the first in a restart. There is one commit in an epoch, and it is not
// to that peer. Once the daemon is gone, the handover tells it so.
func (c *Core) displaced(from crypto.NodeID, ref wire.Ref, msg wire.Message) bool {
	e := c.sources[ref.Migration]
	return asTarget(msg) && e != nil && same(ref, e.m.Ref()) && e.m.Target() != from
}

// recorded reports whether a question that is not of the parties of what runs under its id is for the node's records: what runs is
// a copy that somebody else brings here, and the node gives the daemon to nobody under that id, not any more.
func (c *Core) recorded(ref wire.Ref, msg wire.Message) bool {
	_, asks := msg.(*wire.Ask)
	return asks && c.targets[ref.Migration] != nil && c.sources[ref.Migration] == nil
}

// asTarget reports whether only a target says this to its source. An Ask that names an attempt is of one that holds.
func asTarget(msg wire.Message) bool {
	switch msg := msg.(type) {
	case *wire.PrepareOK, *wire.ResumeAt, *wire.RestoreComplete, *wire.Progress, *wire.ReplayComplete:
		return true
	case *wire.Ask:
		return !msg.Attempt.IsZero()
	}
	return false
}

// views lists the roles this node plays in a migration. One under the same id of another daemon, or from another epoch, is
// not that migration: whoever has taken the id for it does not stand in for the one that had it before.
func (c *Core) views(ref wire.Ref) []subproto.View {
	var views []subproto.View
	if e := c.sources[ref.Migration]; e != nil && same(ref, e.m.Ref()) {
		views = append(views, subproto.View{Role: subproto.Source, Parties: subproto.Parties{
			Source: c.cfg.Node, Target: e.m.Target(), Orchestrator: e.m.Orchestrator()}})
	}
	if e := c.targets[ref.Migration]; e != nil && same(ref, e.m.Ref()) {
		views = append(views, subproto.View{Role: subproto.Target, Parties: subproto.Parties{
			Source: e.m.Source(), Target: c.cfg.Node, Orchestrator: e.m.Orchestrator()}})
	}
	if e := c.orchestrators[ref.Migration]; e != nil && e.m.Ref().Origin == ref.Origin {
		views = append(views, subproto.View{Role: subproto.Orchestrator, Parties: subproto.Parties{
			Source: e.m.Source(), Target: e.m.Target(), Orchestrator: c.cfg.Node}})
	}
	return views
}

// same reports whether a message's reference is that of a migration. Messages of an orchestrator, and complaints, may leave
// the epoch open.
func same(got, want wire.Ref) bool {
	return got.Migration == want.Migration && got.Origin == want.Origin && (got.Epoch == want.Epoch || got.Epoch == 0)
}

// deliver steps each role with the message.
func (c *Core) deliver(roles []subproto.Role, from crypto.NodeID, msg wire.Message) {
	ref := refOf(msg)
	for _, role := range roles {
		switch role {
		case subproto.Source:
			c.stepSource(c.sources[ref.Migration], source.Received{From: from, Message: msg})
		case subproto.Target:
			e := c.targets[ref.Migration]
			switch msg := msg.(type) {
			case *wire.Ask, *wire.ActivateTarget, *wire.Promised:
				if e.ended && !e.m.Active() { // there is no copy to speak of: the node's records answer
					c.stray(from, ref, msg)
					continue
				}
			case *wire.Forward:
				c.forwardedHere(e, from, msg)
				continue
			case *wire.BufferedEvents:
				if e.flooded(&c.cfg.Target) {
					c.refuse(from, msg, wire.ErrBufferFull)
					continue
				}
			}
			c.stepTarget(e, target.Received{From: from, Message: msg})
		case subproto.Orchestrator:
			e := c.orchestrators[ref.Migration]
			if _, asks := msg.(*wire.Ask); asks && len(roles) > 1 && !e.m.Proves() {
				continue // a question has one answer: the role beside it knows more, and has given it
			}
			c.stepOrchestrator(e, orchestrator.Received{From: from, Message: msg})
		}
	}
}

// stray answers a message of a migration that this node does not know, or knows no more.
func (c *Core) stray(from crypto.NodeID, ref wire.Ref, msg wire.Message) {
	switch msg := msg.(type) {
	case *wire.Ask:
		c.whereIs(from, ref, msg.Attempt)
		if msg.Attempt.IsZero() {
			c.tellOutcome(from, ref)
		}
	case *wire.ReplayComplete:
		c.whereIs(from, ref, msg.Attempt)
	case *wire.PrepareOK, *wire.ResumeAt, *wire.RestoreComplete, *wire.Progress:
		c.whereIs(from, ref, wire.Attempt{})
	case *wire.Cancel, *wire.CutoverNotify:
		c.whereIs(from, ref, wire.Attempt{})
		c.tellOutcome(from, ref)
	case *wire.Resume, *wire.BufferedEvents, *wire.Final, *wire.Aborted, *wire.Forward:
		c.send(from, &wire.MigrationFailed{Ref: ref, Reason: wire.ReasonDaemonNotFound, Detail: "no such migration runs here"})
	case *wire.ActivateTarget:
		c.prove(from, ref, msg.Attempt, msg.Handover.Digest())
	case *wire.Promised:
		c.prove(from, ref, msg.Attempt(), crypto.Digest{})
	default:
		if c.sources[ref.Migration] != nil || c.targets[ref.Migration] != nil {
			c.refuse(from, msg, wire.ErrStaleEpoch)
		}
	}
}

// tellOutcome tells an orchestrator that has not heard it how the migration ended that has moved the daemon from here, behind the
// proof. There is no tombstone before the activation has been proven, while the target may have forgotten it: the daemon has gone on
// from there. The figures of the move are not in it.
func (c *Core) tellOutcome(to crypto.NodeID, ref wire.Ref) {
	if t := c.tombstones[ref.Origin]; t.moved(ref) {
		c.send(to, &wire.CleanupComplete{Ref: ref, Outcome: wire.OutcomeMoved, Stats: wire.Stats{Epoch: t.epoch}})
	}
}

// whereIs answers with what this node's own records say of the daemon, and of the attempt asked about: one
// that no machine here knows is over. A migration that is not known here and has not moved the daemon away
// moved nothing: it was never begun, or has ended.
func (c *Core) whereIs(to crypto.NodeID, ref wire.Ref, attempt wire.Attempt) {
	ans := &wire.Answer{Ref: ref, State: wire.StateUnknown, Boot: c.cfg.Boot, Attempt: attempt}
	failed := &wire.MigrationFailed{Ref: ref, Reason: wire.ReasonDaemonNotFound}
	t := c.tombstones[ref.Origin]
	switch {
	case t.moved(ref):
		ans.State, ans.HasHandover, ans.Handover = wire.StateReleased, true, t.handover
		c.send(to, ans)
	case t != nil && c.daemons[ref.Origin] == nil:
		failed.Reason, failed.Detail = wire.ReasonMoved, "no such migration runs here; another one has moved the daemon"
		c.refuseForGood(to, failed)
		c.send(to, ans)
	case c.daemons[ref.Origin] != nil:
		ans.State, failed.Detail = wire.StateServing, "no such migration runs here; the daemon serves at this node"
		c.send(to, ans)
		c.refuseForGood(to, failed)
	default:
		c.send(to, ans)
	}
}
