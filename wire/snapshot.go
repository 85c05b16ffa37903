package wire

import "github.com/ferrymesh/ferry/codec"

// SnapshotReady carries one piece of a snapshot, in order (protocol.md §3.3.4).
// The pieces are those of the byte stream that daemon.Snapshot writes; its own
// chunks and digests are inside and need not coincide with the frames.
type SnapshotReady struct {
	Ref
	Offset uint64 // bytes before this piece
	Data   []byte // at most MaxChunk; aliases the frame after decoding
	Last   bool   // the snapshot ends with this piece
}

// Type returns TypeSnapshotReady.
func (*SnapshotReady) Type() Type { return TypeSnapshotReady }

func (m *SnapshotReady) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = codec.AppendUint64(dst, m.Offset)
	dst = codec.AppendBool(dst, m.Last)
	return codec.AppendBytes(dst, m.Data)
}

func (m *SnapshotReady) parse(c *codec.Cursor) {
	m.Ref.parse(c)             // 32 ref
	m.Offset = c.Uint64()      //  8 offset
	m.Last = c.Bool()          //  1 last
	m.Data = c.Bytes(MaxChunk) // data
}
