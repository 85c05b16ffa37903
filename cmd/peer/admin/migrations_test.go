package admin

import (
	"testing"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// TestCancelIsRefusedOnlyAfterTheCommit: who orchestrates is in doubt also of a source that fell silent before it, and
// a source of what a directory has not decided yet. Only the source knows that it has committed.
func TestCancelIsRefusedOnlyAfterTheCommit(t *testing.T) {
	for _, c := range []struct {
		m    node.Migration
		want bool
	}{
		{node.Migration{State: "transfer", Phase: wire.PhaseTransfer}, false},
		{node.Migration{State: "transfer", Phase: wire.PhaseTransfer, InDoubt: true}, false},
		{node.Migration{State: "cutover", Phase: wire.PhaseCutover, InDoubt: true}, false},
		{node.Migration{State: "promised", Phase: wire.PhaseCutover, InDoubt: true}, false},
		{node.Migration{State: "committing", Phase: wire.PhaseCutover}, true},
		{node.Migration{State: "committed", Phase: wire.PhaseCutover, InDoubt: true}, true},
		{node.Migration{State: "forwarding", Phase: wire.PhaseComplete}, true},
	} {
		if got := committed(c.m); got != c.want {
			t.Errorf("%s, in doubt %v: committed is %v", c.m.State, c.m.InDoubt, got)
		}
	}
}
