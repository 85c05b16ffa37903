package transport

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/wire"
)

func TestStreamHeaderRoundTrip(t *testing.T) {
	for _, ch := range []wire.Channel{wire.ChannelControl, wire.ChannelSubmit, wire.ChannelEvents, wire.ChannelSnapshot} {
		want := StreamHeader{Channel: ch}
		if ofMigration(ch) {
			want.Ref = refOf(200)
		}
		b := AppendStreamHeader(nil, want)
		got, n, err := ParseStreamHeader(append(bytes.Clone(b), 1, 2, 3))
		if err != nil || got != want || n != len(b) {
			t.Errorf("%v: got %+v of %d bytes, %v", ch, got, n, err)
		}
		if got, err := readStreamHeader(iotest.OneByteReader(bytes.NewReader(b))); got != want || err != nil {
			t.Errorf("%v: read %+v, %v", ch, got, err)
		}
		for cut := range b {
			if _, _, err := ParseStreamHeader(b[:cut]); !errors.Is(err, codec.ErrTruncated) {
				t.Errorf("%v cut to %d bytes: %v", ch, cut, err)
			}
		}
	}
	for _, ch := range []byte{0, 5, 255} {
		_, _, err := ParseStreamHeader(append([]byte{ch}, make([]byte, wire.RefSize)...))
		wantIs(t, err, ErrBadStream)
	}
}

// TestNumbersOnTheWire pins what a peer of another version depends on.
func TestNumbersOnTheWire(t *testing.T) {
	got := fmt.Sprint(
		uint8(wire.ChannelControl), uint8(wire.ChannelSubmit), uint8(wire.ChannelEvents), uint8(wire.ChannelSnapshot),
		wire.ChannelControl, wire.ChannelSubmit, wire.ChannelEvents, wire.ChannelSnapshot,
		CodeClosed, CodeNotAuthorized, CodeTooMany, CodeProtocol, CodeTooSlow, CodeShutdown, CodeDisconnect, CodeSilent)
	const want = "1 2 3 4 control submit events snapshot 0 1 2 3 4 5 6 7"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if protocolName != "ferry/1" {
		t.Errorf("the protocol is called %s", protocolName)
	}
	b := AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelSnapshot, Ref: wire.Ref{
		Migration: wire.MigrationID{0xaa, 15: 0xbb}, Origin: 0x0102030405060708, Epoch: 9,
	}})
	const hex = "04" + "aa0000000000000000000000000000bb" + "0102030405060708" + "0000000000000009"
	if got := fmt.Sprintf("%x", b); got != hex {
		t.Errorf("header is %s\nwant      %s", got, hex)
	}
}
