package kinds

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

func TestRegister(t *testing.T) {
	f := daemon.NewFactories()
	if err := Register(f); err != nil {
		t.Fatal(err)
	}
	if err := Register(f); err == nil {
		t.Error("names were registered twice")
	}
	if got, want := Names(), []string{"kv", "ledger", "wordcount"}; !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	for _, name := range Names() {
		e, err := f.Lookup(1, name)
		if err != nil || e.New() == nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(Help(name), "\n  submit ") {
			t.Errorf("help for %s: %q", name, Help(name))
		}
	}
	if Help("nothing") != "" {
		t.Error("help for an unknown kind")
	}
}

func TestOpeningMatchesLoad(t *testing.T) {
	for _, name := range Names() {
		f := feed(t, fresh(t, name))
		opening := Opening(name, 1000)
		if opening != nil {
			f.send(string(opening))
		}
		load, err := NewLoad(name, 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if out := f.send(string(load.Next(nil))); strings.HasPrefix(out, "refused") {
				t.Errorf("%s: %s", name, out)
			}
		}
		if err := f.d.(checker).Check(); err != nil {
			t.Error(err)
		}
	}
}

// The same log gives the same bytes on every node, and a restored daemon goes on as the
// original does.
func TestDeterminismAndRoundTrip(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			a, da := sample(t, name)
			_, db := sample(t, name)
			state := stateOf(t, da)
			if !bytes.Equal(state, stateOf(t, db)) {
				t.Fatal("same events, different states")
			}
			dc := fresh(t, name)
			// Pieces of one byte show reads that trust a stream to fill their buffer.
			if err := dc.Restore(iotest.OneByteReader(bytes.NewReader(state))); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(state, stateOf(t, dc)) {
				t.Fatal("the restored state is written differently")
			}
			load, _ := NewLoad(name, 8, 320)
			c := *a
			c.d = dc
			for range 50 {
				payload := string(load.Next(nil))
				if x, y := a.send(payload), c.send(payload); x != y {
					t.Fatalf("%q: %q and %q", payload, x, y)
				}
			}
			if !bytes.Equal(stateOf(t, da), stateOf(t, dc)) {
				t.Fatal("the restored daemon went another way")
			}
		})
	}
}

func TestEmptyStateRoundTrip(t *testing.T) {
	for _, name := range Names() {
		state := stateOf(t, fresh(t, name))
		d := fresh(t, name)
		if err := d.Restore(bytes.NewReader(state)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(state, stateOf(t, d)) {
			t.Errorf("%s: another state", name)
		}
	}
}

// A view shows one moment, also while Process goes on beside it; run with -race.
func TestViewIsolation(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			f, d := sample(t, name)
			v := shot(t, d)
			before := written(t, v)
			load, _ := NewLoad(name, 3, 320)
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						f.send(string(load.Next(nil)))
					}
				}
			}()
			for range 30 {
				if !bytes.Equal(before, written(t, v)) {
					t.Error("the view has changed")
				}
			}
			close(stop)
			<-done
			if !bytes.Equal(before, written(t, v)) {
				t.Error("the view has changed")
			}
			if got := f.verdict(auditOf(d)); !got.Clean() {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Every truncation, every altered byte and every extension is refused and changes nothing.
func TestDamagedStates(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			_, d := sample(t, name)
			state := stateOf(t, d)
			_, victim := sample(t, name)
			feed(t, victim).send(map[string]string{"kv": "put x y", "ledger": "transfer 0 1 1", "wordcount": "x "}[name])
			kept := stateOf(t, victim)
			for i := range state {
				mustFail(t, victim.Restore(bytes.NewReader(state[:i])), ErrSnapshot, "truncated")
				altered := bytes.Clone(state)
				altered[i] ^= 1 << (i % 8)
				mustFail(t, victim.Restore(bytes.NewReader(altered)), ErrSnapshot, "altered")
			}
			mustFail(t, victim.Restore(bytes.NewReader(append(state, 0))), ErrSnapshot, "extended")
			if !bytes.Equal(kept, stateOf(t, victim)) {
				t.Error("a failed restore left traces")
			}
		})
	}
}

// reseal puts a right checksum under bytes, as someone hostile would.
func reseal(state []byte) []byte {
	s := newSealWriter(io.Discard, "", nil)
	s.sum.Reset()
	body := bytes.Clone(state[:len(state)-sealSize])
	s.sum.Write(body)
	return s.sum.Sum(body)
}

// With a right checksum under it, an altered byte is either refused or gives a daemon whose
// invariant holds and which writes the very same bytes.
func TestHostileStates(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			_, d := sample(t, name)
			state := stateOf(t, d)
			for i := range len(state) - sealSize {
				for bit := range 8 {
					altered := bytes.Clone(state)
					altered[i] ^= 1 << bit
					altered = reseal(altered)
					victim := fresh(t, name)
					err := victim.Restore(bytes.NewReader(altered))
					if err != nil {
						mustFail(t, err, ErrSnapshot, "altered")
						continue
					}
					if err := victim.(checker).Check(); err != nil {
						t.Fatalf("byte %d: %v", i, err)
					}
					if !bytes.Equal(altered, stateOf(t, victim)) {
						t.Fatalf("byte %d: not canonical", i)
					}
				}
			}
		})
	}
}

// A few bytes that claim gigabytes do not get them.
func TestHostileSizes(t *testing.T) {
	audit := []byte{0, 0}
	frame := func(magic string, part ...byte) []byte {
		var b bytes.Buffer
		s := newSealWriter(&b, magic, audit)
		s.write(part)
		s.flush()
		return b.Bytes()
	}
	max64 := bytes.Repeat([]byte{0xff}, 64)
	huge := append([]byte{0, 0, 0, 0, 0x10, 0, 0, 0}, make([]byte, 16)...) // 2^28 accounts of 0
	for _, state := range [][]byte{
		frame(ledgerMagic, huge...), frame(ledgerMagic, max64...), frame(kvMagic, max64...), frame(wordsMagic, max64...),
		frame(kvMagic, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), append([]byte(kvMagic), 0xff, 0xff, 0xff, 0xff),
	} {
		for _, name := range Names() {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			mustFail(t, fresh(t, name).Restore(bytes.NewReader(state)), ErrSnapshot, name)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 5<<20 {
				t.Errorf("%s: %x… cost %d bytes", name, state[:12], n)
			}
		}
	}
}

// An error of the stream comes through as it is, from reading and from writing.
func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, name := range Names() {
		_, d := sample(t, name)
		state := stateOf(t, d)
		for _, at := range []int{0, 5, 14, len(state) / 2, len(state)} {
			r := io.MultiReader(bytes.NewReader(state[:at]), iotest.ErrReader(broken))
			mustFail(t, fresh(t, name).Restore(r), broken, name)
		}
		n, err := shot(t, d).WriteTo(iotestWriter{broken})
		if n != 0 || !errors.Is(err, broken) {
			t.Errorf("%s: wrote %d, %v", name, n, err)
		}
	}
}

// iotestWriter fails.
type iotestWriter struct{ err error }

func (w iotestWriter) Write([]byte) (int, error) { return 0, w.err }

// Views of one daemon are written side by side.
func TestViewsInParallel(t *testing.T) {
	for _, name := range Names() {
		_, d := sample(t, name)
		want := stateOf(t, d)
		v := shot(t, d)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var b bytes.Buffer
				if _, err := v.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
					t.Errorf("%s: another state, %v", name, err)
				}
			})
		}
		wg.Wait()
	}
}

// A payload that is refused with an error leaves no trace, in the audit either.
func TestMalformedLeavesNoTrace(t *testing.T) {
	for _, name := range []string{"kv", "ledger"} {
		f, d := sample(t, name)
		before := stateOf(t, d)
		for _, payload := range []string{"", " ", "bogus", "put", "put k", "transfer 1 2", "get", "open", "open x", "\x00\xff"} {
			_, err := f.try([]byte(payload))
			mustFail(t, err, ErrPayload, payload)
			if err != nil && !strings.Contains(err.Error(), "expected") {
				t.Errorf("%q: %v does not say what is expected", payload, err)
			}
		}
		if !bytes.Equal(before, stateOf(t, d)) {
			t.Errorf("%s: a malformed payload left a trace", name)
		}
	}
}

func TestLoadIsDeterministic(t *testing.T) {
	for _, name := range Names() {
		a, _ := NewLoad(name, 5, 6400)
		b, _ := NewLoad(name, 5, 6400)
		c, _ := NewLoad(name, 6, 6400)
		same := 0
		for range 100 {
			x := string(a.Next(nil))
			if y := string(b.Next([]byte("head "))); "head "+x != y {
				t.Fatalf("%s: %q and %q", name, x, y)
			}
			if x == string(c.Next(nil)) {
				same++
			}
		}
		if same > 20 {
			t.Errorf("%s: two seeds agree %d times", name, same)
		}
	}
	if _, err := NewLoad("nothing", 1, 0); err == nil {
		t.Error("a load for an unknown kind")
	}
	if _, err := NewLoad("ledger", 1, 64); err == nil {
		t.Error("a load for a ledger of one account")
	}
}

// A daemon under a real host: submitted, retried, moved by snapshot, audited.
func TestUnderHost(t *testing.T) {
	for _, name := range Names() {
		key, err := crypto.KeypairFromSeed([32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		d := fresh(t, name)
		h, err := daemon.NewHost(d, key, name, daemon.HostConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var trail AuditTrail
		p := crypto.ProducerID{9}
		load, _ := NewLoad(name, 2, 6400)
		for seq := uint64(1); seq <= 100; seq++ {
			payload := load.Next(nil)
			if open := Opening(name, 6400); seq == 1 && open != nil {
				payload = open
			}
			trail.Record(seq, payload)
			for range 2 { // the second is a retry, which must not reach the daemon
				if _, err := h.Submit(p, seq, payload); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		r, _ := auditOf(d).Producer(p)
		if v := Compare(&trail, r); !v.Clean() || r.Applied != 100 {
			t.Errorf("%s: %+v, %d applied", name, v, r.Applied)
		}
	}
}
