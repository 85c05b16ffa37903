package wire

import "github.com/ferrymesh/ferry/codec"

// CleanupComplete ends a migration (protocol.md §3.3.14).
type CleanupComplete struct {
	Ref
	Outcome Outcome
	Stats   Stats
}

// Type returns TypeCleanupComplete.
func (*CleanupComplete) Type() Type { return TypeCleanupComplete }

func (m *CleanupComplete) append(dst []byte) []byte {
	dst = append(m.Ref.append(dst), byte(m.Outcome))
	return m.Stats.append(dst)
}

func (m *CleanupComplete) parse(c *codec.Cursor) {
	m.Ref.parse(c)              // 32 ref
	m.Outcome = parseOutcome(c) //  1 outcome
	m.Stats.parse(c)            // 64 stats
}

// Status tells the orchestrator how far the migration has come (protocol.md
// §3.3.15).
type Status struct {
	Ref
	Phase   Phase
	InDoubt bool // committed, and the target has not answered for too long
	Stats   Stats
}

// Type returns TypeStatus.
func (*Status) Type() Type { return TypeStatus }

func (m *Status) append(dst []byte) []byte {
	dst = append(m.Ref.append(dst), byte(m.Phase))
	dst = codec.AppendBool(dst, m.InDoubt)
	return m.Stats.append(dst)
}

func (m *Status) parse(c *codec.Cursor) {
	m.Ref.parse(c)          // 32 ref
	m.Phase = parsePhase(c) //  1 phase
	m.InDoubt = c.Bool()    //  1 in doubt
	m.Stats.parse(c)        // 64 stats
}

// Cancel asks the source to give up, which it does unless it has committed
// (protocol.md §3.3.16). The body is the Ref alone, which also encodes it.
type Cancel struct{ Ref }

// Type returns TypeCancel.
func (*Cancel) Type() Type { return TypeCancel }

// MigrationFailed ends a migration without a move (protocol.md §3.3.19). Once it
// has committed, a source never sends it but to a node that the handover does not
// name.
type MigrationFailed struct {
	Ref
	Reason Reason
	Detail string
}

// Type returns TypeMigrationFailed.
func (*MigrationFailed) Type() Type { return TypeMigrationFailed }

// Failed returns the message that reports err.
func Failed(ref Ref, err error) *MigrationFailed {
	return &MigrationFailed{Ref: ref, Reason: ReasonOf(err), Detail: ClipDetail(err.Error())}
}

// Err returns the failure as an error that matches the error of its reason.
func (m *MigrationFailed) Err() error { return &RemoteError{m.Reason, m.Detail} }

func (m *MigrationFailed) append(dst []byte) []byte {
	dst = codec.AppendUint16(m.Ref.append(dst), uint16(m.Reason))
	return appendDetail(dst, m.Detail)
}

func (m *MigrationFailed) parse(c *codec.Cursor) {
	m.Ref.parse(c)                     // 32 ref
	m.Reason = parseReason(c)          //  2 reason
	m.Detail = parseText(c, MaxDetail) // detail
}
