package source

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// state is where a migration stands on the source. The diagram is in the package doc.
type state uint8

const (
	preparing    state = iota // Prepare is out
	stopping                  // stop-and-copy: the daemon is being frozen before the view is taken
	snapshotting              // the view is being taken
	copying                   // the view streams, events follow it
	restoring                 // all of the view is sent, the target builds the daemon
	replaying                 // the target catches up
	freezing                  // submissions are held, the freeze is under way
	frozen                    // Final is out
	promising                 // a directory decides: the promise is being made durable
	promised                  // the certificate is out, until the directory has decided
	committing                // the handover entry is being made durable
	committed                 // ActivateTarget is out, until it is answered
	forwarding                // the target serves; what was held is on its way there
	moved                     // the end: the target has it
	stayed                    // the end: the daemon is here and serves
)

var stateNames = [...]string{"preparing", "stopping", "snapshotting", "copying", "restoring", "replaying", "freezing", "frozen", "promising", "promised", "committing", "committed", "forwarding", "moved", "stayed"}

func (s state) String() string { return stateNames[s] }

// next lists where each state may go. Absent: nowhere.
var next = map[state][]state{
	preparing:    {stopping, snapshotting, stayed},
	stopping:     {snapshotting, stayed},
	snapshotting: {copying, stayed},
	copying:      {restoring, replaying, stayed},
	restoring:    {copying, replaying, stayed},
	replaying:    {freezing, frozen, stayed},
	freezing:     {replaying, frozen, stayed},
	frozen:       {replaying, promising, committing, stayed},
	promising:    {promised, stayed},
	promised:     {replaying, committing, stayed},
	committing:   {committed, stayed},
	committed:    {forwarding},
	forwarding:   {moved},
}

// enter is the only place where the state changes. An edge that is not in the table is a bug of ours.
func (m *Machine) enter(s state) {
	for _, ok := range next[m.state] {
		if ok == s {
			m.state = s
			if s < moved { // an end is told by a message of its own
				m.status()
			}
			return
		}
	}
	panic(fmt.Sprintf("source: internal error: %v to %v", m.state, s))
}

// phaseOf maps the states to what the world is told.
var phaseOf = [...]wire.Phase{
	preparing: wire.PhaseSnapshot, stopping: wire.PhaseSnapshot, snapshotting: wire.PhaseSnapshot,
	copying: wire.PhaseTransfer, restoring: wire.PhaseRestore, replaying: wire.PhaseReplay,
	freezing: wire.PhaseCutover, frozen: wire.PhaseCutover, promising: wire.PhaseCutover, promised: wire.PhaseCutover, committing: wire.PhaseCutover, committed: wire.PhaseCutover,
	forwarding: wire.PhaseComplete, moved: wire.PhaseComplete, stayed: wire.PhaseComplete,
}
