package node

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

// A directory that another node keeps is asked over the session with it. The core carries questions and answers; the shell
// keeps the directory, and waits for it.

type (
	// AskKeeper sends a question to the node that keeps the directory. It is answered by a [KeeperReply].
	AskKeeper struct{ Message wire.Message }
	// KeeperReply is the answer to an AskKeeper, or why there is none: the question may have arrived nevertheless.
	KeeperReply struct {
		Request uint64
		Message wire.Message
		Err     error
	}
	// StopAsking says that nobody waits for the answer to a question any more. It may be on its way.
	StopAsking struct{ Request uint64 }
	// DirectoryRequest is a peer's question to the directory that this node keeps. The shell answers with [DirectoryAnswer].
	DirectoryRequest struct {
		Session SessionID
		Peer    crypto.NodeID
		Message wire.Message
	}
	// DirectoryAnswer is the answer, nil if there is none to give any more. Every request has one, also when its session
	// is gone: until then it counts towards what the peer has under way.
	DirectoryAnswer struct {
		Session SessionID
		Peer    crypto.NodeID
		Message wire.Message
	}
)

func (AskKeeper) nodeInput()       {}
func (StopAsking) nodeInput()      {}
func (DirectoryAnswer) nodeInput() {}

// maxDirectoryRequests bounds what one peer has under way, watches included, and whether or not the session that it
// asked on is still there: the question outlives it.
const maxDirectoryRequests = 64

func (c *Core) askKeeper(in AskKeeper) {
	request, _ := directory.RequestOf(in.Message)
	s := c.ready(c.cfg.Keeper)
	if s == nil {
		c.dial(c.cfg.Keeper)
		c.keeperReply(request, nil, fmt.Errorf("node: no session with %v, which keeps the directory: %w", c.cfg.Keeper, wire.ErrUnreachable))
		return
	}
	if err := s.agreed.Check(wire.SubDirectory); err != nil {
		c.keeperReply(request, nil, err)
		return
	}
	s.asked = append(s.asked, request)
	c.sendOn(s, in.Message)
}

// stopAsking forgets a question, wherever it was asked: a directory that answers nothing over a session that lasts would make it
// grow without a bound.
func (c *Core) stopAsking(request uint64) {
	if p := c.peers[c.cfg.Keeper]; p != nil {
		for _, s := range p.sessions {
			s.took(request)
		}
	}
}

func (c *Core) keeperReply(request uint64, msg wire.Message, err error) {
	c.out.KeeperReplies = append(c.out.KeeperReplies, KeeperReply{request, msg, err})
}

// directory takes a message of the directory's subprotocol: a question from whoever may move daemons to or from here, or
// an answer from the node that was asked.
func (c *Core) directory(s *session, msg wire.Message) {
	if request, ok := directory.AnswerTo(msg); ok {
		if s.took(request) {
			c.keeperReply(request, msg, nil)
		}
		return
	}
	if !s.rights.Has(wire.RightMigrateIn) && !s.rights.Has(wire.RightMigrateOut) {
		c.turnAway(s, msg)
		return
	}
	if c.questions[s.peer] == maxDirectoryRequests {
		request, _ := directory.RequestOf(msg)
		c.sendOn(s, &wire.DirectoryFailed{Request: request, Reason: wire.ReasonNotReady, Detail: "too many questions are under way"})
		return
	}
	c.questions[s.peer]++
	c.out.DirectoryRequests = append(c.out.DirectoryRequests, DirectoryRequest{s.id, s.peer, msg})
}

// turnAway answers a question of a peer that may not ask. It is told so as the answer, which it waits for; and as "wrong peer":
// "refused" would say that the daemon is another's.
func (c *Core) turnAway(s *session, msg wire.Message) {
	err := &subproto.RightsError{Type: msg.Type(), From: s.peer, Need: wire.RightMigrateIn}
	c.stats.FramesRefused++
	c.note(Note{Kind: NoteRefused, Peer: s.peer, Text: msg.Type().String(), Err: err})
	request, _ := directory.RequestOf(msg)
	c.sendOn(s, &wire.DirectoryFailed{Request: request, Reason: wire.ReasonWrongPeer, Detail: err.Error()})
}

func (c *Core) directoryAnswer(in DirectoryAnswer) {
	if c.questions[in.Peer]--; c.questions[in.Peer] <= 0 {
		delete(c.questions, in.Peer)
	}
	if s := c.sessions[in.Session]; s != nil && in.Message != nil {
		c.sendOn(s, in.Message)
	}
}

// took reports whether a question was asked on this session and not answered, and takes it off.
func (s *session) took(request uint64) bool {
	for i, r := range s.asked {
		if r == request {
			s.asked = append(s.asked[:i], s.asked[i+1:]...)
			return true
		}
	}
	return false
}

// giveUpAsking gives up what was asked on a session that has ended.
func (c *Core) giveUpAsking(s *session) {
	for _, request := range s.asked {
		c.keeperReply(request, nil, wire.ErrUnreachable)
	}
	s.asked = nil
}
