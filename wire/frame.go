package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// Header is what every frame begins with (protocol.md §3.1.1).
type Header struct {
	Type   Type
	Length int // of the body, in bytes
}

// Subprotocol returns the subprotocol of the frame.
func (h Header) Subprotocol() Subprotocol { return h.Type.Subprotocol() }

// ParseHeader reads the header at the start of b. It fails with a *FrameError:
// codec.ErrTruncated if b is shorter than a header, ErrTooLarge if the body would
// exceed the limit of its type.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerLen {
		return Header{}, &FrameError{Err: codec.ErrTruncated}
	}
	h := Header{Type: Type(binary.BigEndian.Uint16(b))} // 1 subprotocol, 1 type
	length := binary.BigEndian.Uint32(b[2:])            // 4 length of the body
	if length > uint32(h.Type.MaxBody()) {
		return Header{}, &FrameError{h.Type, ErrTooLarge}
	}
	h.Length = int(length)
	return h, nil
}

// AppendFrame appends m as a whole frame. It allocates nothing if dst has the
// room. The limits of limits.go are the caller's to keep: SubmissionLen and
// ReceiptLen say when a batch of theirs is full, and details are clipped here. A body beyond the limit of its type is a bug of this node, and
// AppendFrame panics rather than write a frame that no peer would read.
func AppendFrame(dst []byte, m Message) []byte {
	t := m.Type()
	dst = codec.AppendUint16(dst, uint16(t))
	dst = append(dst, 0, 0, 0, 0)
	start := len(dst)
	dst = m.append(dst)
	length := len(dst) - start
	if length > t.MaxBody() {
		panic(fmt.Sprintf("wire: internal error: %s of %d bytes", t, length))
	}
	binary.BigEndian.PutUint32(dst[start-4:], uint32(length))
	return dst
}

// Decode reads the body of a frame. What it returns re-encodes to the same bytes,
// and its byte slices alias body. Every error is a *FrameError.
func Decode(h Header, body []byte) (Message, error) {
	e, ok := h.Type.entry()
	if !ok {
		return nil, &FrameError{h.Type, ErrUnknownType}
	}
	if len(body) > e.max {
		return nil, &FrameError{h.Type, ErrTooLarge}
	}
	if len(body) != h.Length {
		return nil, &FrameError{h.Type, codec.ErrTruncated}
	}
	m, c := e.make(), codec.NewCursor(body)
	m.parse(&c)
	if err := c.Finish(); err != nil {
		return nil, &FrameError{h.Type, err}
	}
	return m, nil
}
