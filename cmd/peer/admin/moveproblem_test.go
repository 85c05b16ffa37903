package admin

import (
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/orchestrator"
	"github.com/ferrymesh/ferry/wire"
)

// The nodes of these tests.
var alpha, bravo, charlie = crypto.NodeID{'a'}, crypto.NodeID{'b'}, crypto.NodeID{'c'}

// told is the problem of a migration from alpha to bravo, as a node tells it.
func told(self crypto.NodeID, m node.Migration) *client.Problem {
	b := &book{self: self, nodes: make(map[crypto.NodeID]client.Node)}
	for id, name := range map[crypto.NodeID]string{alpha: "alpha", bravo: "bravo", charlie: "charlie"} {
		b.nodes[id] = nodeOf(id, name)
	}
	m.Source, m.Target, m.Name = alpha, bravo, "bank"
	return migrationOf(b, m).Problem
}

// TestDoubtIsFrozenOnlyAtTheSource: a target that holds, and whoever asked for the move, cannot tell a source that has
// committed from one that has thawed and serves. That nobody serves is said by the source alone.
func TestDoubtIsFrozenOnlyAtTheSource(t *testing.T) {
	for _, c := range []struct {
		self  crypto.NodeID
		state string
		now   string
	}{
		{alpha, "committed", "in doubt and frozen: nobody serves it until the handover reaches bravo, and it is delivered again and again"},
		{alpha, "promised", "in doubt and frozen: nobody serves it until it is known what the directory has decided, which is asked again and again"},
		{bravo, "holding", "in doubt: bravo does not serve it; alpha does, or has committed it, and then nobody does until the handover reaches bravo"},
		{charlie, "cutover", "in doubt: bravo does not serve it as far as this node knows; alpha does, or has committed it, and then nobody does until the handover reaches bravo"},
	} {
		p := told(c.self, node.Migration{Outcome: wire.OutcomeInDoubt, Reason: wire.ReasonUnreachable, Phase: wire.PhaseCutover, State: c.state})
		if p.Code != client.CodeInDoubt || p.Outcome != c.now {
			t.Errorf("%s: %d, %s", c.state, p.Code, p.Outcome)
		}
	}
	p := told(charlie, node.Migration{Outcome: wire.OutcomeInDoubt, Phase: wire.PhaseTransfer})
	if !strings.HasPrefix(p.Outcome, "in doubt: not at bravo as far as this node knows; alpha is asked again and again") {
		t.Errorf("before the cutover: %s", p.Outcome)
	}
}

// TestUnreachableTargetOfAThirdNode: a source that could not reach the target has been asked, unlike one that could not
// be reached itself.
func TestUnreachableTargetOfAThirdNode(t *testing.T) {
	for _, c := range []struct{ detail, now, next string }{
		{orchestrator.NothingAsked + ": timeout", "as it was: alpha was not asked for anything", "peer node ls"},
		{"no connection to the target: timeout", "still at alpha and serving", "peer node ls, at alpha"},
	} {
		p := told(charlie, node.Migration{Orchestrator: charlie, Outcome: wire.OutcomeStayed, Reason: wire.ReasonUnreachable, Detail: c.detail})
		if p.Code != client.CodeUnreachable || p.Outcome != c.now || p.Next != c.next {
			t.Errorf("%s: %d, %s, %s", c.detail, p.Code, p.Outcome, p.Next)
		}
	}
}
