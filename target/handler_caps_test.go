package target

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/wire"
)

func TestT07_EventCap(t *testing.T) {
	r := newRig(t, Config{MaxPendingEvents: 3})
	r.restore()
	r.submit(8)
	for _, seq := range []uint64{2, 3, 4} { // cursor + 1 + 3 is the last that can be held
		r.buffer(r.log[seq-1])
	}
	taken, err := r.h.BufferEvent(r.origin, r.log[4])
	wants(t, "a fourth", err, wire.ErrBufferFull)
	var full *FullError
	if taken || !errors.As(err, &full) || full.Events != 3 || full.MaxEvents != 3 || full.Sequence != 5 {
		t.Fatalf("taken %v, %+v", taken, full)
	}
	r.buffer(r.log[2]) // again: overwritten, not counted twice
	through, err := r.h.ReplayEvents(r.origin, r.at(6, 1, 8))
	wants(t, "the batch", err, wire.ErrBufferFull)
	if through != 4 {
		t.Fatalf("through %d, want the contiguous prefix to 4", through)
	}
	// The totals say why 6 was refused, when it was; 1 came later in the batch and has made room since.
	if !errors.As(err, &full) || full.Sequence != 6 || full.Events != 3 || full.Cursor != 0 {
		t.Fatalf("totals %+v", full)
	}
	r.replay(8, r.at(5, 6, 7, 8)...)
	r.processed(sequences(1, 8)...)
}

func TestT07_ByteCap(t *testing.T) {
	r := newRig(t, Config{MaxPendingBytes: 20}) // "event 2;" has 8 bytes
	r.restore()
	r.submit(9)
	r.buffer(r.log[2])
	r.buffer(r.log[3])
	taken, err := r.h.BufferEvent(r.origin, r.log[4])
	wants(t, "24 bytes", err, wire.ErrBufferFull)
	var full *FullError
	if taken || !errors.As(err, &full) || full.Bytes != 16 || full.MaxBytes != 20 || full.Size != 8 {
		t.Fatalf("taken %v, %+v", taken, full)
	}
	if events, bytes, _ := r.h.Buffered(r.origin); events != 2 || bytes != 16 {
		t.Fatalf("holds %d events, %d bytes", events, bytes)
	}
	long, short := r.log[3], r.log[3]
	long.Payload, short.Payload = make([]byte, 13), make([]byte, 12)
	_, err = r.h.BufferEvent(r.origin, long)
	wants(t, "21 bytes by overwriting", err, wire.ErrBufferFull)
	r.buffer(short) // exactly 20
	r.buffer(r.log[3])
	r.replay(9, r.between(1, 9)...)
}

// The event that comes next is always taken, whatever its size, while it cannot be applied too.
func TestT07_NextNeedsNoRoom(t *testing.T) {
	r := newRig(t, Config{MaxPendingEvents: 1, MaxPendingBytes: 1})
	r.restore()
	big, err := r.source.Submit(crypto.ProducerID{7}, 1, make([]byte, crypto.MaxPayload))
	r.no(err, "submit")
	r.log = append(r.log, big.Event)
	r.submit(2)
	fail := true
	r.copy.process = func(daemon.Event) error {
		if fail {
			return errTape
		}
		return nil
	}
	taken, err := r.h.BufferEvent(r.origin, big.Event)
	wants(t, "process", err, errTape)
	if !taken {
		t.Fatal("the next event was refused")
	}
	r.sound()
	_, err = r.h.ReplayEvents(r.origin, r.at(2))
	wants(t, "full", err, wire.ErrBufferFull, errTape)
	fail = false
	r.replay(3, r.at(2, 3)...)
}

// Before an event is refused, an earlier one that failed is tried again: it may be all that is in the way.
func TestT07_DrainsBeforeItRefuses(t *testing.T) {
	r := newRig(t, Config{MaxPendingEvents: 2})
	r.restore()
	r.submit(5)
	broken := true
	r.copy.process = func(daemon.Event) error {
		if broken {
			return errTape
		}
		return nil
	}
	through, err := r.h.ReplayEvents(r.origin, r.at(1, 2, 3))
	wants(t, "process", err, errTape)
	if through != 0 {
		t.Fatalf("through %d", through)
	}
	broken = false
	r.replay(5, r.at(5, 4)...)
	r.processed(sequences(1, 5)...)
}

func TestT07_NodeCap(t *testing.T) {
	reg := daemon.NewRegistry()
	h := New(reg, Config{Node: nodeB, MaxBuffered: 2*pageCost + 30})
	a, b := newRigOn(t, reg, h), newRigOn(t, reg, h)
	for _, r := range []*rig{a, b} {
		r.restore()
		r.submit(5)
		r.buffer(r.log[2])
	}
	a.buffer(a.log[3])
	_, err := h.BufferEvent(b.origin, b.log[3])
	wants(t, "b", err, wire.ErrBufferFull)
	if got, want := h.BufferedBytes(), int64(2*pageCost+24); got != want {
		t.Fatalf("counted %d bytes, want %d", got, want)
	}
	a.replay(4, a.at(1, 2)...)
	b.buffer(b.log[3])
	b.no(h.Abort(b.origin), "abort")
	if h.BufferedBytes() != 0 {
		t.Fatalf("%d bytes left", h.BufferedBytes())
	}
}
