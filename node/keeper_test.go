package node_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Questions to the directory go on when the session that they came on has ended. A peer that asks, leaves and comes back must not
// have more of them under way than one that stays (promise P6); what is answered makes room again, whether or not anybody is left
// to hear it.
func TestQuestionsCountBeyondTheirSession(t *testing.T) {
	const most = 64
	now := time.Unix(1_700_000_000, 0)
	c := node.New(node.Config{Node: ids[0], Boot: 1, Directory: true})
	asker := asks(c, now, 1, ids[2])
	var last node.Effects
	for n := range uint64(most) {
		last = asker.say(&wire.DirectoryWatch{Request: n, Origin: 7})
		if len(last.DirectoryRequests) != 1 {
			t.Fatalf("question %d led to %+v", n, last)
		}
	}
	c.Step(now, node.SessionDown{Session: 1, Err: wire.ErrUnreachable})
	asker = asks(c, now, 2, ids[2])
	if out := asker.say(&wire.DirectoryWatch{Request: most, Origin: 7}); len(out.DirectoryRequests) != 0 || len(out.Sends) != 1 {
		t.Fatalf("one more on the next session led to %+v", out)
	}
	if out := asks(c, now, 3, ids[1]).say(&wire.DirectoryWatch{Origin: 7}); len(out.DirectoryRequests) != 1 {
		t.Errorf("the question of another peer led to %+v", out)
	}
	r := last.DirectoryRequests[0]
	c.Step(now, node.DirectoryAnswer{Session: r.Session, Peer: r.Peer, Message: &wire.DirectoryFailed{Request: most - 1}})
	if out := asker.say(&wire.DirectoryWatch{Request: most + 1, Origin: 7}); len(out.DirectoryRequests) != 1 {
		t.Errorf("after an answer that nobody heard, one more led to %+v", out)
	}
}

// asks begins a session of a peer that may ask the directory.
func asks(c *node.Core, now time.Time, id node.SessionID, peer crypto.NodeID) visitor {
	v := visitor{c, now, id}
	c.Step(now, node.SessionUp{Session: id, Peer: peer, Rights: wire.RightMigrateIn})
	v.say(&wire.Hello{Versions: []wire.VersionRange{{Subprotocol: wire.SubDirectory, Min: 1, Max: 1}}, Boot: 1})
	return v
}

// asksDirectory is node 1, which has a directory and asks node 2 for it, in session 1 with that node.
func asksDirectory(rights wire.Rights) *node.Core {
	c := node.New(node.Config{Node: crypto.NodeID{1}, Boot: 1, Directory: true, Keeper: crypto.NodeID{2}})
	c.Step(benchTime, node.SessionUp{Session: 1, Peer: crypto.NodeID{2}, Rights: rights})
	step(c, 1, &wire.Hello{Versions: append(versions[:3:3], wire.VersionRange{Subprotocol: wire.SubDirectory, Min: 1, Max: 1}), Boot: 1})
	return c
}

// TestDirectoryTurnsAwayInAnAnswer: a peer that may not ask the directory is told so by the answer that it waits for (protocol
// §3.9.2). A complaint does not name the question: who had asked would wait in vain and think that nobody is there.
func TestDirectoryTurnsAwayInAnAnswer(t *testing.T) {
	c := asksDirectory(wire.RightSubmit)
	eff := step(c, 1, &wire.DirectoryLookup{Request: 7, Origin: 9})
	if len(eff.Sends) != 1 || len(eff.DirectoryRequests) != 0 {
		t.Fatalf("%d frames, %d questions for the directory", len(eff.Sends), len(eff.DirectoryRequests))
	}
	h, body, _, err := wire.SplitFrame(eff.Sends[0].Frame)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := wire.Decode(h, body)
	if failed, ok := msg.(*wire.DirectoryFailed); !ok || failed.Request != 7 || failed.Reason != wire.ReasonWrongPeer || err != nil {
		t.Errorf("the answer is %+v, %v", msg, err)
	}
}

// TestGivenUpQuestionIsForgotten: a directory that never answers, over a session that lasts, would make the list of what it was
// asked grow for ever (P6).
func TestGivenUpQuestionIsForgotten(t *testing.T) {
	c := asksDirectory(wire.AllRights)
	before := c.Sizes()["asked"]
	for request := range uint64(100) {
		c.Step(benchTime, node.AskKeeper{Message: &wire.DirectoryLookup{Request: request, Origin: 9}})
		c.Step(benchTime, node.StopAsking{Request: request})
	}
	if after := c.Sizes()["asked"]; before != 0 || after != 0 {
		t.Errorf("%d questions are kept, and then %d", before, after)
	}
	if eff := c.Step(benchTime, node.SessionDown{Session: 1}); len(eff.KeeperReplies) != 0 {
		t.Errorf("%d are answered that nobody waits for", len(eff.KeeperReplies))
	}
}
