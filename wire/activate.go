package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// ActivateTarget delivers the commit (protocol.md §3.3.12). The handover proves
// itself, and so any authenticated peer may carry it.
type ActivateTarget struct {
	Ref
	Attempt  Attempt
	Handover crypto.CausalEvent // the log entry; its payload aliases the frame after decoding
}

// Type returns TypeActivateTarget.
func (*ActivateTarget) Type() Type { return TypeActivateTarget }

func (m *ActivateTarget) append(dst []byte) []byte {
	return crypto.AppendEvent(crypto.AppendAttempt(m.Ref.append(dst), m.Attempt), m.Handover)
}

func (m *ActivateTarget) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
	m.Handover = parseHandover(c)       // event
}

// ActivateAck says that the target serves at the new epoch, proven by a head that
// the new epoch's key has signed (protocol.md §3.3.13).
type ActivateAck struct {
	Ref
	Signed crypto.SignedHead
}

// Type returns TypeActivateAck.
func (*ActivateAck) Type() Type { return TypeActivateAck }

func (m *ActivateAck) append(dst []byte) []byte {
	return crypto.AppendSignedHead(m.Ref.append(dst), m.Signed)
}

func (m *ActivateAck) parse(c *codec.Cursor) {
	m.Ref.parse(c)                        // 32 ref
	m.Signed = crypto.DecodeSignedHead(c) // 152 signed head
}
