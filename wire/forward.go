package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Forward hands the target the submissions that the source held during the
// cutover, under the ids of their producers (protocol.md §3.4.7). Only the source
// of a migration may send it, between the commit and CleanupComplete.
type Forward struct {
	Ref
	Producer crypto.ProducerID
	Since    uint64
	Items    []Submission // at most MaxBatch
}

// Type returns TypeForward.
func (*Forward) Type() Type { return TypeForward }

func (m *Forward) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = append(dst, m.Producer[:]...)
	dst = codec.AppendUint64(dst, m.Since)
	return appendSubmissions(dst, m.Items)
}

func (m *Forward) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	c.Fixed(m.Producer[:])        // 32 producer
	m.Since = c.Uint64()          //  8 since
	m.Items = parseSubmissions(c) // list of submissions
}

// Forwarded answers Forward (protocol.md §3.4.8). Items acknowledges what was
// applied; if something was refused, FailedSeq is the first such submission and
// Reason says why. Without a reason FailedSeq is zero.
type Forwarded struct {
	Ref
	Producer  crypto.ProducerID
	First     uint64        // the sequence that the answered Forward begins with
	Items     []ReceiptItem // at most MaxBatch
	FailedSeq uint64
	Reason    Reason
}

// Type returns TypeForwarded.
func (*Forwarded) Type() Type { return TypeForwarded }

func (m *Forwarded) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = append(dst, m.Producer[:]...)
	dst = codec.AppendUint64(dst, m.First)
	dst = appendReceipts(dst, m.Items)
	dst = codec.AppendUint64(dst, m.FailedSeq)
	return codec.AppendUint16(dst, uint16(m.Reason))
}

func (m *Forwarded) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	c.Fixed(m.Producer[:])        // 32 producer
	m.First = c.Uint64()          //  8 first sequence of the Forward
	m.Items = parseReceipts(c)    // list of receipts
	m.FailedSeq = c.Uint64()      //  8 first sequence refused
	m.Reason = Reason(c.Uint16()) //  2 reason, may be none
	if m.Reason == ReasonNone && m.FailedSeq != 0 {
		c.Fail(ErrBadFrame)
	}
}
