package bench

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// TestRoundsGoOutAndHome: to each target in turn, and home between two of them.
func TestRoundsGoOutAndHome(t *testing.T) {
	var got []int
	for round := 1; round <= 8; round++ {
		got = append(got, target(round, 3))
	}
	if want := []int{0, -1, 1, -1, 2, -1, 0, -1}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("went to %v, want %v", got, want)
	}
}

// TestNamesTellRuns: a run never takes a daemon of another one, or of the operator's, for its own.
func TestNamesTellRuns(t *testing.T) {
	run := newRun()
	if run == newRun() {
		t.Error("two runs have one name")
	}
	if !ofRun(daemonName(run, 0), run) || !ofRun(daemonName(run, 999), run) {
		t.Error("a daemon of the run is not told by its name")
	}
	for _, name := range []string{run, run + "-", run + "-x", run + "x-1", "bench-other1-1", "notes", ""} {
		if ofRun(name, run) {
			t.Errorf("%q was taken for a daemon of %s", name, run)
		}
	}
}

// registry takes the kinds of which daemons are made below.
type registry map[string]func() daemon.Daemon

func (r registry) RegisterKind(kind string, f func() daemon.Daemon) error {
	r[kind] = f
	return nil
}

// apply lets a daemon process a payload as a host would.
func apply(t *testing.T, d daemon.Daemon, seq uint64, payload []byte) [][]byte {
	t.Helper()
	out, err := d.Process(daemon.Event{
		Link: crypto.CausalLink{Sequence: seq}, Kind: crypto.EventInput, Producer: crypto.ProducerID{1}, ProducerSeq: seq, Payload: payload,
	})
	if err != nil {
		t.Fatalf("%.40q: %v", payload, err)
	}
	return out
}

// TestFilledStateHasTheSize: within an eighth of what was asked for, and no event of it is refused.
func TestFilledStateHasTheSize(t *testing.T) {
	births := registry{}
	if err := kinds.Register(births); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"kv", "ledger"} {
		for _, size := range []uint64{8 << 10, fillValue, 3*fillValue + 1, 1 << 20} {
			d := births[kind]()
			f, seq := newFilling(Options{Kind: kind, State: size}), uint64(0)
			for payload := f.next(); payload != nil; payload = f.next() {
				seq++
				if out := apply(t, d, seq, payload); bytes.HasPrefix(out[0], []byte("refused")) {
					t.Fatalf("%s: %s", kind, out[0])
				}
			}
			view, err := d.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := view.WriteTo(&b); err != nil {
				t.Fatal(err)
			}
			if n := uint64(b.Len()); n < size || n > size+size/8+1024 {
				t.Errorf("a %s of %d bytes has a snapshot of %d", kind, size, n)
			}
		}
	}
}

// TestPayloads: events are of the size asked for, the same for the same seed, and all kinds take them.
func TestPayloads(t *testing.T) {
	births := registry{}
	if err := kinds.Register(births); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{
		{Kind: "kv", State: 8 << 10}, {Kind: "kv", Payload: minPayload}, {Kind: "kv", Payload: maxPayload},
		{Kind: "wordcount"}, {Kind: "wordcount", Payload: minPayload}, {Kind: "wordcount", Payload: maxPayload}, {Kind: "ledger", State: 8 << 10},
	} {
		d, seq := births[o.Kind](), uint64(0)
		if o.Kind == "ledger" {
			seq++
			apply(t, d, seq, newFilling(o).next())
		}
		one, err := newPayloads(o, 7)
		if err != nil {
			t.Fatal(err)
		}
		two, _ := newPayloads(o, 7)
		for range 250 {
			seq++
			payload := one.next()
			if o.Payload > 0 && len(payload) != o.Payload || !bytes.Equal(payload, two.next()) {
				t.Fatalf("%+v: event %d is %.40q with %d bytes", o, seq, payload, len(payload))
			}
			apply(t, d, seq, payload)
		}
	}
}
