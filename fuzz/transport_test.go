package fuzz

import (
	"bytes"
	"testing"

	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// FuzzStreamHeader holds the header that every stream starts with to the law of
// all our encodings: what parses re-encodes to the very bytes it was parsed
// from, and what follows the header is left alone.
func FuzzStreamHeader(f *testing.F) {
	ref := wire.Ref{Migration: wire.MigrationID{1, 2, 3}, Origin: 1 << 60, Epoch: 7}
	for ch := range wire.Channel(6) {
		f.Add(transport.AppendStreamHeader(nil, transport.StreamHeader{Channel: ch, Ref: ref}))
	}
	f.Add([]byte(nil))
	f.Add(bytes.Repeat([]byte{byte(wire.ChannelEvents)}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := transport.ParseStreamHeader(b)
		if err != nil {
			if n != 0 || h != (transport.StreamHeader{}) {
				t.Fatalf("an error came with %+v of %d bytes", h, n)
			}
			return
		}
		if again := transport.AppendStreamHeader(nil, h); !bytes.Equal(again, b[:n]) {
			t.Fatalf("%x re-encodes to %x", b[:n], again)
		}
		for cut := range n {
			if _, _, err := transport.ParseStreamHeader(b[:cut]); err == nil {
				t.Fatalf("%d of %d bytes parse", cut, n)
			}
		}
	})
}
