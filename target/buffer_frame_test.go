package target

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"weak"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// framed moves the payload of an event to the end of a frame, as it comes from the wire, and returns the frame.
func framed(ev *crypto.CausalEvent) weak.Pointer[byte] {
	frame := make([]byte, 1<<16)
	at := len(frame) - len(ev.Payload)
	copy(frame[at:], ev.Payload)
	ev.Payload = frame[at:]
	return weak.Make(&frame[0])
}

// A held event costs what it is charged. Its payload comes in a frame between others that may have been dropped at once, and which
// a source may have made as long as it can; what is held must not keep the frame (P6), wherever it is held.
func TestHeldEventsKeepNoFrame(t *testing.T) {
	for name, hold := range map[string]func(r *rig, restore func()) weak.Pointer[byte]{
		"early": func(r *rig, restore func()) weak.Pointer[byte] {
			restore()
			ev := r.log[1]
			frame := framed(&ev)
			r.buffer(ev)
			return frame
		},
		"early, in place of another": func(r *rig, restore func()) weak.Pointer[byte] {
			restore()
			r.buffer(r.log[1])
			ev := r.log[1]
			frame := framed(&ev)
			r.buffer(ev)
			return frame
		},
		"next, while the daemon is restored": func(r *rig, restore func()) (frame weak.Pointer[byte]) {
			r.copy.restore = func(io.Reader) error {
				ev := r.log[0]
				frame = framed(&ev)
				r.buffer(ev)
				return nil
			}
			restore()
			return frame
		},
		"next, and not applied": func(r *rig, restore func()) weak.Pointer[byte] {
			restore()
			r.copy.process = func(daemon.Event) error { return errTape }
			ev := r.log[0]
			frame := framed(&ev)
			if _, err := r.h.BufferEvent(r.origin, ev); !errors.Is(err, errTape) {
				r.t.Fatal(err)
			}
			r.copy.process = nil
			return frame
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{})
			ctx := r.context(1)
			r.submit(2)
			frame := hold(r, func() { r.no(r.h.RestoreSnapshot(ctx, r.key, r.build, daemon.HostConfig{}), "restore") })
			runtime.GC()
			if frame.Value() != nil {
				t.Errorf("the frame is still there; %d bytes are charged", r.h.BufferedBytes())
			}
			if n, _, _ := r.h.Buffered(r.origin); n != 1 {
				t.Errorf("%d events are held", n)
			}
			r.sound()
			r.replay(2, r.log...)
			if want := bytes.Join([][]byte{r.log[0].Payload, r.log[1].Payload}, nil); !bytes.Equal(r.copy.state, want) {
				t.Errorf("the state is %q, want %q", r.copy.state, want)
			}
		})
	}
}
