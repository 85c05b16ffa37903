package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Resume asks a target where a snapshot stream that was cut is to go on (protocol.md §3.3.21). Head says which
// view it was, Serial counts the streams of that view: it is the number of the one to come.
type Resume struct {
	Ref
	Serial uint64
	Head   crypto.Head
}

// Type returns TypeResume.
func (*Resume) Type() Type { return TypeResume }

func (m *Resume) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = codec.AppendUint64(dst, m.Serial)
	return crypto.AppendHead(dst, m.Head)
}

func (m *Resume) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	m.Serial = c.Uint64()         //  8 number of the stream to come
	m.Head = crypto.DecodeHead(c) // 80 head of the view
}

// ResumeAt answers Resume (protocol.md §3.3.22): the target has the first Offset bytes of the view and waits for
// stream number Serial, which begins there.
type ResumeAt struct {
	Ref
	Serial uint64
	Head   crypto.Head
	Offset uint64 // in bytes of the snapshot stream
}

// Type returns TypeResumeAt.
func (*ResumeAt) Type() Type { return TypeResumeAt }

func (m *ResumeAt) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = codec.AppendUint64(dst, m.Serial)
	dst = crypto.AppendHead(dst, m.Head)
	return codec.AppendUint64(dst, m.Offset)
}

func (m *ResumeAt) parse(c *codec.Cursor) {
	m.Ref.parse(c)                // 32 ref
	m.Serial = c.Uint64()         //  8 number of the stream that is waited for
	m.Head = crypto.DecodeHead(c) // 80 head of the view
	m.Offset = c.Uint64()         //  8 bytes that the target has
}
