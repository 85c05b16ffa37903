package kinds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// feeder sequences payloads into a daemon as a host would, from one producer.
type feeder struct {
	t     testing.TB
	d     daemon.Daemon
	p     crypto.ProducerID
	log   uint64 // newest sequence of the log
	seq   uint64 // newest producer sequence
	trail AuditTrail
}

func feed(t testing.TB, d daemon.Daemon) *feeder {
	return &feeder{t: t, d: d, p: crypto.ProducerID{1}}
}

// event makes the next event without sending it.
func (f *feeder) event(payload []byte) daemon.Event {
	return daemon.Event{
		Link: crypto.CausalLink{Sequence: f.log + 1}, Kind: crypto.EventInput,
		Producer: f.p, ProducerSeq: f.seq + 1, Payload: payload,
	}
}

// try sends a payload and returns its outputs as one text.
func (f *feeder) try(payload []byte) (string, error) {
	out, err := f.d.Process(f.event(payload))
	if err != nil {
		return "", err
	}
	f.log++
	f.seq++
	f.trail.Record(f.seq, payload)
	return string(bytes.Join(out, []byte("|"))), nil
}

// send is try for payloads that must be applied.
func (f *feeder) send(payload string) string {
	f.t.Helper()
	out, err := f.try([]byte(payload))
	if err != nil {
		f.t.Fatalf("%.60q: %v", payload, err)
	}
	return out
}

// want sends a payload and checks the output.
func (f *feeder) want(payload, output string) {
	f.t.Helper()
	if got := f.send(payload); got != output {
		f.t.Errorf("%.60q gave %.80q, want %.80q", payload, got, output)
	}
}

// verdict compares what was sent with what the daemon has on record.
func (f *feeder) verdict(a *Audit) Verdict {
	r, _ := a.Producer(f.p)
	return Compare(&f.trail, r)
}

// seeded returns a random source and prints its seed, so that a failure can be repeated.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// shot takes a snapshot and closes it when the test ends.
func shot(t testing.TB, d daemon.Daemon) io.WriterTo {
	t.Helper()
	v, err := d.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := v.(io.Closer); ok {
		t.Cleanup(func() { c.Close() })
	}
	return v
}

// written returns the bytes of a view, and checks that it keeps its word about their number.
func written(t testing.TB, v io.WriterTo) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := v.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if size := v.(interface{ Len() int64 }).Len(); n != size || int64(b.Len()) != size {
		t.Fatalf("view of %d bytes wrote %d and says %d", size, b.Len(), n)
	}
	return b.Bytes()
}

// stateOf returns the bytes of a daemon's present state.
func stateOf(t testing.TB, d daemon.Daemon) []byte {
	t.Helper()
	v, err := d.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := v.(io.Closer); ok {
		defer c.Close()
	}
	return written(t, v)
}

// sample is a daemon of each kind with some history, small enough to damage at every byte.
func sample(t testing.TB, name string) (*feeder, daemon.Daemon) {
	d := fresh(t, name)
	f := feed(t, d)
	if name == "ledger" {
		f.send("open 320 50")
	}
	size := uint64(320)
	load, err := NewLoad(name, 7, size)
	if err != nil {
		t.Fatal(err)
	}
	for range 12 {
		f.send(string(load.Next(nil)))
	}
	return f, d
}

// fresh returns a new daemon of a kind, closed with the test where that matters.
func fresh(t testing.TB, name string) daemon.Daemon {
	for _, k := range builtin() {
		if k.name == name {
			d := k.make()
			if c, ok := d.(io.Closer); ok {
				t.Cleanup(func() { c.Close() })
			}
			return d
		}
	}
	t.Fatalf("no kind %q", name)
	return nil
}

// mustFail checks that an error is of the class expected.
func mustFail(t testing.TB, err, class error, what string) {
	t.Helper()
	if !errors.Is(err, class) {
		t.Errorf("%s: %v, want %v", what, err, class)
	}
}

// auditOf returns the audit of any of the kinds.
func auditOf(d daemon.Daemon) *Audit {
	switch d := d.(type) {
	case *KV:
		return &d.audit
	case *Ledger:
		return &d.audit
	case *WordCount:
		return &d.audit
	}
	panic(fmt.Sprintf("no audit in %T", d))
}
