package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// RestoreComplete says that the target has restored the snapshot and holds the
// daemon dark (protocol.md §3.3.6). Head is the head it computed.
type RestoreComplete struct {
	Ref
	Head crypto.Head
}

// Type returns TypeRestoreComplete.
func (*RestoreComplete) Type() Type { return TypeRestoreComplete }

func (m *RestoreComplete) append(dst []byte) []byte {
	return crypto.AppendHead(m.Ref.append(dst), m.Head)
}

func (m *RestoreComplete) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	m.Head = crypto.DecodeHead(c) // 80 head
}

// Progress says how far the target's replay has come (protocol.md §3.3.7).
type Progress struct {
	Ref
	Head     crypto.Head // recomputed by the target; includes the handover once applied
	Buffered uint64      // events held out of order, waiting for one before them
	Rate     uint64      // events per second that this replay applies when it is busy, 0 unknown
}

// Type returns TypeProgress.
func (*Progress) Type() Type { return TypeProgress }

func (m *Progress) append(dst []byte) []byte {
	dst = crypto.AppendHead(m.Ref.append(dst), m.Head)
	dst = codec.AppendUint64(dst, m.Buffered)
	return codec.AppendUint64(dst, m.Rate)
}

func (m *Progress) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	m.Head = crypto.DecodeHead(c) // 80 head
	m.Buffered = c.Uint64()       //  8 events held
	m.Rate = c.Uint64()           //  8 events per second
}
