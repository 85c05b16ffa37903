package wire

import (
	"slices"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// BufferedEvents carries events that were sequenced after the snapshot, in
// ascending order (protocol.md §3.3.5).
type BufferedEvents struct {
	Ref
	Events []crypto.CausalEvent // at most MaxBatch; payloads alias the frame after decoding
}

// Type returns TypeBufferedEvents.
func (*BufferedEvents) Type() Type { return TypeBufferedEvents }

func (m *BufferedEvents) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = codec.AppendUvarint(dst, uint64(len(m.Events)))
	return crypto.AppendEvents(dst, m.Events)
}

// parse reuses the room of m.Events, so that a reader of many batches allocates
// once. The count is at most MaxBatch, whatever the peer says.
func (m *BufferedEvents) parse(c *codec.Cursor) {
	m.Ref.parse(c)                              // 32 ref
	n := c.Count(MaxBatch, crypto.MinEventSize) // uvarint count of events
	m.Events = slices.Grow(m.Events[:0], n)[:n]
	crypto.DecodeEvents(c, m.Events) // events
}

// DecodeEvents decodes the body of a BufferedEvents frame into m, reusing the
// room of m.Events. Payloads alias body. After an error m.Events has no meaning.
func DecodeEvents(body []byte, m *BufferedEvents) error {
	if len(body) > MaxBatchBytes {
		return &FrameError{TypeBufferedEvents, ErrTooLarge}
	}
	c := codec.NewCursor(body)
	m.parse(&c)
	if err := c.Finish(); err != nil {
		return &FrameError{TypeBufferedEvents, err}
	}
	return nil
}
