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
