package attack

import (
	"context"
	"testing"

	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// Every stream of every session of a node is opened and left alone, some within a frame: each costs a goroutine
// and its first buffers, and nothing more can be opened.
func TestStreamsOpenedAndLeft(t *testing.T) {
	v := attacked(t, wire.RightSubmit)
	var callers []*caller
	for i := range sessionsPerNode {
		c := v.call(v.attacker)
		callers = append(callers, c)
		if _, err := c.conn.OpenStream(); err == nil {
			t.Error("a third bidirectional stream was admitted")
		}
		for n := range streamsPerSession {
			_, ref := invented(uint64(i*streamsPerSession + n))
			st, err := c.one(wire.ChannelEvents, ref)
			if err == nil && n%2 == 1 {
				_, err = st.Write([]byte{byte(wire.TypeBufferedEvents >> 8), byte(wire.TypeBufferedEvents & 0xff), 0, 0, 0x40, 0, 1}) // 16 KiB, it says
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.conn.OpenUniStream(); err == nil {
			t.Errorf("more than %d one-way streams were admitted", streamsPerSession)
		}
	}
	if c, err := v.tryCall(v.attacker); err == nil {
		t.Errorf("a session more than %d was admitted", sessionsPerNode)
		c.hangUp()
	}
	v.serves()
	v.admits()
	const goroutines = sessionsPerNode*(streamsPerSession+goroutinesPerSession) + goroutinesPerSession
	v.within("streams left open", bound{heap: 64 << 20, peak: 192 << 20, goroutines: goroutines, files: 4})
	for _, c := range callers {
		c.hangUp()
	}
	v.within("after they were given up", bound{heap: 8 << 20, peak: 192 << 20, goroutines: goroutinesPerSession, files: 4})
}

// Snapshot streams of migrations that nobody has announced are refused one by one, for as long as they come.
func TestSnapshotStreamsOutOfNowhere(t *testing.T) {
	v := attacked(t, wire.RightMigrateIn)
	c := v.call(v.attacker)
	c.listen(migrations)
	const streams = 2000
	for n := range streams {
		_, ref := invented(uint64(n))
		st, err := c.one(wire.ChannelSnapshot, ref)
		if err != nil {
			t.Fatalf("stream %d: %v", n, err)
		}
		// The victim's refusal gives the leave back; the writer has to see it.
		select {
		case <-st.Context().Done():
		case <-c.conn.Context().Done():
			t.Fatalf("stream %d: %v", n, context.Cause(c.conn.Context()))
		}
		st.CancelWrite(1)
	}
	v.serves()
	v.within("snapshots out of nowhere", bound{heap: 8 << 20, peak: 64 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
}

// A one-way stream whose header begins and does not come ends the session: what it is for would never be known.
func TestStreamsWithoutAHeader(t *testing.T) {
	v := attacked(t, wire.RightSubmit)
	c := v.call(v.attacker)
	for range streamsPerSession {
		st, err := c.conn.OpenUniStream()
		if err == nil {
			_, err = st.Write([]byte{byte(wire.ChannelEvents)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if code := c.ends(); code != transport.CodeProtocol {
		t.Errorf("the session ended with code %d, want %d", code, transport.CodeProtocol)
	}
	v.within("streams without a header", bound{heap: 8 << 20, peak: 64 << 20, goroutines: 4, files: 4})
	v.serves()
}
