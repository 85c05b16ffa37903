package transport

import (
	"io"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

// StreamHeader is what a stream starts with. Control and submit streams are
// bidirectional, opened by the dialer, and live as long as the session; those of
// events and snapshots are unidirectional.
type StreamHeader struct {
	Channel wire.Channel
	Ref     wire.Ref // of events and snapshots; zero otherwise
}

// AppendStreamHeader appends the 1 or 33 bytes of the header. The Ref of a
// control or submit stream is not written.
func AppendStreamHeader(dst []byte, h StreamHeader) []byte {
	dst = append(dst, byte(h.Channel))
	if !ofMigration(h.Channel) {
		return dst
	}
	return wire.AppendRef(dst, h.Ref)
}

// ParseStreamHeader reads the header at the front of b and returns its length.
// It fails with codec.ErrTruncated, or with ErrBadStream for an unknown
// channel.
func ParseStreamHeader(b []byte) (StreamHeader, int, error) {
	c := codec.NewCursor(b)
	h := StreamHeader{Channel: wire.Channel(c.Uint8())} // 1 channel
	switch {
	case ofMigration(h.Channel):
		h.Ref = wire.DecodeRef(&c) // 32 ref
	case h.Channel != wire.ChannelControl && h.Channel != wire.ChannelSubmit:
		c.Fail(ErrBadStream)
	}
	if err := c.Err(); err != nil {
		return StreamHeader{}, 0, err
	}
	return h, len(b) - c.Rest(), nil
}

// ofMigration reports whether each stream of the channel belongs to a migration.
func ofMigration(ch wire.Channel) bool {
	return ch == wire.ChannelEvents || ch == wire.ChannelSnapshot
}

// readStreamHeader reads a header and not a byte more.
func readStreamHeader(r io.Reader) (StreamHeader, error) {
	ch, err := readChannel(r)
	if err != nil {
		return StreamHeader{}, err
	}
	return readHeaderOf(ch, r)
}

// readChannel reads the first byte of a header.
func readChannel(r io.Reader) (wire.Channel, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return wire.Channel(b[0]), err
}

// readHeaderOf reads what follows the first byte.
func readHeaderOf(ch wire.Channel, r io.Reader) (StreamHeader, error) {
	b := [1 + wire.RefSize]byte{byte(ch)}
	n := 1
	if ofMigration(ch) {
		n = len(b)
		if _, err := io.ReadFull(r, b[1:]); err != nil {
			return StreamHeader{}, err
		}
	}
	h, _, err := ParseStreamHeader(b[:n])
	return h, err
}
