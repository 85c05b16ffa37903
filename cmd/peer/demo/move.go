package demo

import (
	"encoding/json"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// move is one step as it went.
type move struct {
	from, to string // names of nodes
	killed   bool   // the target was killed in the middle of the copy
	outcome  string
	detail   string // why, unless it moved
	stats    client.Stats
	gap      time.Duration // longest time without an acknowledgment, as the producer saw it
	problem  string        // what should have been otherwise; empty is good
}

// newMove takes what the node says about a migration that has ended.
func newMove(from, to string, m client.Migration) move {
	return move{from: from, to: to, outcome: m.Outcome, detail: m.Detail, stats: m.Stats}
}

// moveJSON is a move in the output with --json. Names and meanings are kept from version to version.
type moveJSON struct {
	From          string        `json:"from"`
	To            string        `json:"to"`
	Outcome       string        `json:"outcome"` // moved, stayed, in_doubt or lost
	TargetKilled  bool          `json:"target_killed,omitempty"`
	Blackout      time.Duration `json:"blackout_ns"`
	SnapshotBytes uint64        `json:"snapshot_bytes"`
	Transfer      time.Duration `json:"transfer_ns"`
	EventsDuring  uint64        `json:"events_during"`
	Epoch         uint64        `json:"epoch"` // in force afterwards
	AckGap        time.Duration `json:"ack_gap_ns"`
	Problem       string        `json:"problem,omitempty"`
}

// MarshalJSON writes the move for programs.
func (m move) MarshalJSON() ([]byte, error) {
	return json.Marshal(moveJSON{
		From: m.from, To: m.to, Outcome: m.outcome, TargetKilled: m.killed,
		Blackout: m.stats.Blackout, SnapshotBytes: m.stats.SnapshotBytes, Transfer: m.stats.Transfer,
		EventsDuring: m.stats.EventsDuring, Epoch: m.stats.Epoch, AckGap: m.gap, Problem: m.problem,
	})
}
