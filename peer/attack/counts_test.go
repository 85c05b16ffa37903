package attack

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// giants are counts and lengths as large as they can be written: 2^32, 2^63 and the highest of 64 bits.
func giants() [][]byte {
	return [][]byte{binary.AppendUvarint(nil, 1<<32), binary.AppendUvarint(nil, 1<<63), binary.AppendUvarint(nil, 1<<64-1)}
}

// A body that announces giant counts is a bad frame, whatever the message and wherever in it the count stands:
// it is counted and answered, and the session goes on.
func TestGiantCounts(t *testing.T) {
	v := attacked(t, wire.AllRights)
	c := v.call(v.attacker)
	c.listen(func(m wire.Message) bool { return m.Type() == wire.TypeSessionError })
	sent := uint64(0)
	for _, typ := range wire.Types() {
		if typ == wire.TypeSessionError || typ == wire.TypeHello {
			continue // one is never answered, the other is read once
		}
		for _, giant := range giants() {
			for _, before := range []int{0, 1, 8, 16, 17, 24, 32, 40, 48, 64, 65} {
				frame := []byte{byte(typ >> 8), byte(typ)}
				frame = binary.BigEndian.AppendUint32(frame, uint32(before+len(giant)))
				frame = append(append(frame, make([]byte, before)...), giant...)
				if _, err := c.control.Write(frame); err != nil {
					t.Fatal(err)
				}
				sent++
			}
		}
	}
	// Frames of one stream are taken in order: when this is answered, so are all before it.
	if err := c.say(c.control, &wire.SessionError{}); err != nil {
		t.Fatal(err)
	}
	v.serves()
	f := v.within("giant counts", bound{heap: 4 << 20, peak: 32 << 20, goroutines: goroutinesPerSession, files: 4})
	if got := f.Malformed + f.Refused; got < sent*9/10 { // an all-zero body can be a message
		t.Errorf("%d of %d frames were refused", got, sent)
	}
	t.Logf("%d frames with giant counts, %d malformed, %d refused", sent, f.Malformed, f.Refused)
}

// A header that announces a body above its type's limit ends the session, on every stream that carries frames.
func TestGiantFrames(t *testing.T) {
	v := attacked(t, wire.AllRights)
	_, ref := invented(1)
	for _, typ := range []wire.Type{wire.TypeHello, wire.TypeSubmit, wire.TypeBufferedEvents, 0x7f01} {
		for stream := range 3 {
			c := v.call(v.attacker)
			frame := append(binary.BigEndian.AppendUint16(nil, uint16(typ)), 0xff, 0xff, 0xff, 0xff)
			var err error
			switch stream {
			case 0:
				_, err = c.control.Write(frame)
			case 1:
				_, err = c.submit.Write(frame)
			case 2:
				st, openErr := c.one(wire.ChannelEvents, ref)
				if openErr != nil {
					t.Fatal(openErr)
				}
				_, err = st.Write(frame)
			}
			if err != nil {
				t.Fatal(err)
			}
			if code := c.ends(); code != transport.CodeProtocol {
				t.Errorf("%v on stream %d: ended with code %d, want %d", typ, stream, code, transport.CodeProtocol)
			}
		}
	}
	v.serves()
	v.within("giant frames", bound{heap: 4 << 20, peak: 32 << 20, goroutines: goroutinesPerSession, files: 4})
}

// Frames that are begun and not finished count, by what they announce, towards one limit for all sessions of a
// node: the stream that goes beyond it ends its session.
func TestHalfFrames(t *testing.T) {
	v := attacked(t, wire.AllRights)
	const assembly = 64 << 20 // the transport's default
	body := wire.TypeBufferedEvents.MaxBody()
	head := append(binary.BigEndian.AppendUint16(nil, uint16(wire.TypeBufferedEvents)), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(head[2:], uint32(body))
	ended := make(chan transport.Code, sessionsPerNode)
	for n := range sessionsPerNode {
		c := v.call(v.attacker)
		go func() {
			<-c.conn.Context().Done()
			ended <- endOf(t, c.conn)
		}()
		for i := range streamsPerSession {
			_, ref := invented(uint64(n*streamsPerSession + i))
			st, err := c.one(wire.ChannelEvents, ref)
			if err == nil {
				_, err = st.Write(append(head, make([]byte, 1<<10)...))
			}
			if err != nil {
				break // ended already
			}
		}
	}
	// A session's streams fill the limit, so at most one session can have all of its own.
	for range sessionsPerNode - 1 {
		select {
		case code := <-ended:
			if code != transport.CodeProtocol {
				t.Errorf("a session ended with code %d, want %d", code, transport.CodeProtocol)
			}
		case <-time.After(patience):
			t.Fatalf("sessions were not ended in %v", patience)
		}
	}
	v.serves()
	v.within(fmt.Sprintf("half frames of %d KiB", body>>10), bound{heap: 2 * assembly, peak: 4 * assembly, goroutines: sessionsPerNode * (streamsPerSession + goroutinesPerSession), files: 4})
}
