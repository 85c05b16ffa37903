package subproto

import (
	"fmt"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Role is the part a node plays in one migration. A node may play several at once.
type Role uint8

// The roles. Anyone is not a role: it stands for every authenticated peer in the table of senders.
const (
	Source Role = iota
	Target
	Orchestrator
	Anyone
)

var roleNames = [...]string{"source", "target", "orchestrator", "anyone"}

func (r Role) String() string { return roleNames[r] }

// Parties are the nodes that a role has on record for its migration. A zero NodeID is unknown and matches
// nobody.
type Parties struct{ Source, Target, Orchestrator crypto.NodeID }

// of returns who plays a role, which is not Anyone.
func (p Parties) of(r Role) crypto.NodeID {
	return [...]crypto.NodeID{Source: p.Source, Target: p.Target, Orchestrator: p.Orchestrator}[r]
}

func (p Parties) is(node crypto.NodeID, r Role) bool {
	return r == Anyone || node == p.of(r) && node != crypto.NodeID{}
}

// rule says that a role takes a message from a sender.
type rule struct{ to, from Role }

// rules is the table of permitted senders (protocol §5). The messages that open a migration, TakeSnapshot
// and Prepare, find no party on record: what opens one is decided by [Opens] and the sender's rights.
var rules = map[wire.Type][]rule{
	wire.TypeTakeSnapshot:    {{Source, Orchestrator}},
	wire.TypeCutoverNotify:   {{Source, Orchestrator}},
	wire.TypeCancel:          {{Source, Orchestrator}},
	wire.TypePrepare:         {{Target, Source}},
	wire.TypeSnapshotReady:   {{Target, Source}},
	wire.TypeBufferedEvents:  {{Target, Source}},
	wire.TypeResume:          {{Target, Source}},
	wire.TypeFinal:           {{Target, Source}},
	wire.TypeAborted:         {{Target, Source}},
	wire.TypePromised:        {{Target, Source}},
	wire.TypeForward:         {{Target, Source}},
	wire.TypePrepareOK:       {{Source, Target}},
	wire.TypeResumeAt:        {{Source, Target}},
	wire.TypeRestoreComplete: {{Source, Target}},
	wire.TypeProgress:        {{Source, Target}},
	wire.TypeReplayComplete:  {{Source, Target}},
	wire.TypeForwarded:       {{Source, Target}},
	wire.TypeActivateAck:     {{Source, Target}, {Orchestrator, Target}},
	wire.TypeStatus:          {{Orchestrator, Source}},
	wire.TypeCleanupComplete: {{Orchestrator, Source}},
	wire.TypeMigrationFailed: {{Source, Target}, {Target, Source}, {Orchestrator, Source}},
	wire.TypeAsk:             {{Source, Target}, {Source, Orchestrator}, {Target, Orchestrator}, {Orchestrator, Target}},
	wire.TypeAnswer:          {{Source, Anyone}, {Target, Source}, {Target, Orchestrator}, {Orchestrator, Source}, {Orchestrator, Target}},
	// The handover proves itself, so anyone may carry it to the target, and the next one back to the source. The orchestrator
	// keeps a copy to relay, and takes it from the source alone.
	wire.TypeActivateTarget: {{Target, Anyone}, {Orchestrator, Source}},
}

// View is one role that this node plays in the migration of a message, with the parties it has on record.
type View struct {
	Role    Role
	Parties Parties
}

// Route returns the roles, out of those this node plays, that take the message from the sender. Without
// any, it returns [wire.ErrDaemonNotFound] if no role here takes such a message at all, and else a
// [*WrongPeerError].
func Route(t wire.Type, from crypto.NodeID, views []View) ([]Role, error) {
	var to []Role
	var refused *WrongPeerError
	for _, v := range views {
		for _, r := range rules[t] {
			if r.to != v.Role {
				continue
			}
			if v.Parties.is(from, r.from) {
				to = append(to, r.to)
				break
			}
			if refused == nil {
				refused = &WrongPeerError{Type: t, From: from}
			}
			refused.Want, refused.Nodes = append(refused.Want, r.from), append(refused.Nodes, v.Parties.of(r.from))
		}
	}
	if len(to) > 0 {
		return to, nil
	}
	if refused != nil {
		return nil, refused
	}
	return nil, wire.ErrDaemonNotFound
}

// Opens returns the right that the sender of a message needs to open a migration or a conversation with
// it, and false for messages that open nothing.
func Opens(t wire.Type) (wire.Rights, bool) {
	switch t {
	case wire.TypeTakeSnapshot:
		return wire.RightMigrateOut, true
	case wire.TypePrepare:
		return wire.RightMigrateIn, true
	case wire.TypeOpen, wire.TypeSubmit:
		return wire.RightSubmit, true
	}
	return 0, false
}

// CheckRight returns a [*RightsError] if opening with t needs a right that have lacks.
func CheckRight(t wire.Type, from crypto.NodeID, have wire.Rights) error {
	need, ok := Opens(t)
	if !ok || have.Has(need) {
		return nil
	}
	return &RightsError{Type: t, From: from, Need: need}
}

// WrongPeerError says that a message came from a peer that may not send it in this migration. It matches
// [wire.ErrWrongPeer].
type WrongPeerError struct {
	Type  wire.Type
	From  crypto.NodeID
	Want  []Role          // who may, by their parts
	Nodes []crypto.NodeID // and by their ids, in the same order; zero where nobody is on record
}

// WrongPeer returns the refusal of a message that is for one node to send.
func WrongPeer(t wire.Type, from crypto.NodeID, want Role, node crypto.NodeID) *WrongPeerError {
	return &WrongPeerError{Type: t, From: from, Want: []Role{want}, Nodes: []crypto.NodeID{node}}
}

func (e *WrongPeerError) Error() string { return e.text(e.Nodes) }

// Told is the error as its sender may read it: who is no party of a migration finds out nothing about those who are.
func (e *WrongPeerError) Told() string { return e.text(nil) }

// text names the sender, and who may send the message with as many of the nodes as are given.
func (e *WrongPeerError) text(nodes []crypto.NodeID) string {
	names := make([]string, len(e.Want))
	for i, r := range e.Want {
		names[i] = r.String()
		if i < len(nodes) && !nodes[i].IsZero() {
			names[i] += " " + nodes[i].String()
		}
	}
	return fmt.Sprintf("subproto: %v from %v, which is not the %s of this migration", e.Type, e.From, strings.Join(names, " or the "))
}

// Is matches [wire.ErrWrongPeer].
func (e *WrongPeerError) Is(target error) bool { return target == wire.ErrWrongPeer }

// RightsError says that a peer lacks the right to open what it asked for. It matches [wire.ErrRefused].
type RightsError struct {
	Type wire.Type
	From crypto.NodeID
	Need wire.Rights
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("subproto: %v from %v needs the right %q, which it has not been given here", e.Type, e.From, e.Need)
}

// Is matches [wire.ErrRefused].
func (e *RightsError) Is(target error) bool { return target == wire.ErrRefused }
