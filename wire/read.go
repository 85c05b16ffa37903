package wire

import (
	"io"
	"slices"

	"github.com/ferrymesh/ferry/codec"
)

// firstRead is how much room ReadFrame makes before it has seen any body: enough
// for every control message that is not unusually long.
const firstRead = 1024

// ReadFrame reads one frame from r and returns its header and body. It reuses buf
// and returns the body in it, so that a read loop hands the body back as the next
// buf. The room grows with the bytes that arrive and never with the length that
// the peer announces: a peer must send half of what it makes this node hold.
//
// The body of an unknown subprotocol is read and dropped, and the body returned is
// empty; the caller counts the frame and reads on (protocol.md §3.1.4).
//
// io.EOF means that r ended between two frames, io.ErrUnexpectedEOF that it ended
// within one. Other errors are those of r, or a *FrameError; after any error the
// position in r is unknown and the stream is of no further use.
func ReadFrame(r io.Reader, buf []byte) (Header, []byte, error) {
	buf = slices.Grow(buf[:0], firstRead)
	if _, err := io.ReadFull(r, buf[:headerLen]); err != nil {
		return Header{}, buf, err
	}
	h, err := ParseHeader(buf[:headerLen])
	if err != nil {
		return Header{}, buf, err
	}
	if !h.Subprotocol().Known() {
		return h, buf[:0], skipBody(r, buf[:cap(buf)], h.Length)
	}
	body, err := readBody(r, buf, h.Length)
	return h, body, err
}

// readBody reads n bytes into buf, doubling it as it fills up.
func readBody(r io.Reader, buf []byte, n int) ([]byte, error) {
	for len(buf) < n {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(n-len(buf), len(buf)))
		}
		end := min(n, cap(buf))
		got, err := io.ReadFull(r, buf[len(buf):end])
		buf = buf[:len(buf)+got]
		if err != nil {
			return buf, unexpected(err)
		}
	}
	return buf, nil
}

// skipBody reads n bytes into scratch, over and over.
func skipBody(r io.Reader, scratch []byte, n int) error {
	for n > 0 {
		got, err := io.ReadFull(r, scratch[:min(n, len(scratch))])
		n -= got
		if err != nil {
			return unexpected(err)
		}
	}
	return nil
}

// unexpected turns the end of the input within a frame into what it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// SplitFrame cuts the first frame off b, for frames that arrive in one piece:
// records, datagrams, tests. The body and the rest alias b.
func SplitFrame(b []byte) (h Header, body, rest []byte, err error) {
	h, err = ParseHeader(b)
	if err != nil {
		return Header{}, nil, b, err
	}
	if h.Length > len(b)-headerLen {
		return Header{}, nil, b, &FrameError{h.Type, codec.ErrTruncated}
	}
	end := headerLen + h.Length
	return h, b[headerLen:end], b[end:], nil
}
