package transport

import (
	"io"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

// StreamKind is the first byte of every stream: what the stream is for.
// Numbers are part of the protocol: append only.
type StreamKind uint8

// The kinds. The values of the first three equal those of their channels.
const (
	KindControl  StreamKind = 1 // bidirectional, opened by the dialer, lives as long as the session
	KindSubmit   StreamKind = 2 // bidirectional, opened by the dialer, lives as long as the session
	KindEvents   StreamKind = 3 // unidirectional, frames of one migration
	KindSnapshot StreamKind = 4 // unidirectional, one snapshot in SnapshotReady frames
)

// refLen is the length of an encoded Ref, which frames of a migration start
// with as well.
const refLen = 16 + 8 + 8

// StreamHeader is what a stream starts with.
type StreamHeader struct {
	Kind StreamKind
	Ref  wire.Ref // events and snapshots; zero otherwise
}

// AppendStreamHeader appends the 1 or 33 bytes of the header. The Ref of a
// control or submit stream is not written.
func AppendStreamHeader(dst []byte, h StreamHeader) []byte {
	dst = append(dst, byte(h.Kind))
	if !h.Kind.transfer() {
		return dst
	}
	dst = append(dst, h.Ref.Migration[:]...)
	dst = codec.AppendUint64(dst, h.Ref.Origin)
	return codec.AppendUint64(dst, h.Ref.Epoch)
}

// ParseStreamHeader reads the header at the front of b and returns its length.
// It fails with codec.ErrTruncated, or with ErrBadStream for an unknown kind.
func ParseStreamHeader(b []byte) (StreamHeader, int, error) {
	c := codec.NewCursor(b)
	h := StreamHeader{Kind: StreamKind(c.Uint8())} // 1 kind
	switch {
	case h.Kind.transfer():
		h.Ref = parseRef(&c) // 32 ref
	case h.Kind != KindControl && h.Kind != KindSubmit:
		c.Fail(ErrBadStream)
	}
	if err := c.Err(); err != nil {
		return StreamHeader{}, 0, err
	}
	return h, len(b) - c.Rest(), nil
}

// parseRef reads a Ref as every frame of a migration starts with one.
func parseRef(c *codec.Cursor) (ref wire.Ref) {
	c.Fixed(ref.Migration[:]) // 16 migration
	ref.Origin = c.Uint64()   //  8 origin
	ref.Epoch = c.Uint64()    //  8 epoch
	return ref
}

// transfer reports whether streams of this kind belong to a migration.
func (k StreamKind) transfer() bool { return k == KindEvents || k == KindSnapshot }

// readStreamHeader reads a header and not a byte more.
func readStreamHeader(r io.Reader) (StreamHeader, error) {
	kind, err := readKind(r)
	if err != nil {
		return StreamHeader{}, err
	}
	return readHeaderOf(kind, r)
}

// readKind reads the first byte of a header.
func readKind(r io.Reader) (StreamKind, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return StreamKind(b[0]), err
}

// readHeaderOf reads what follows the first byte.
func readHeaderOf(kind StreamKind, r io.Reader) (StreamHeader, error) {
	b := [1 + refLen]byte{byte(kind)}
	n := 1
	if kind.transfer() {
		n = len(b)
		if _, err := io.ReadFull(r, b[1:]); err != nil {
			return StreamHeader{}, err
		}
	}
	h, _, err := ParseStreamHeader(b[:n])
	return h, err
}
