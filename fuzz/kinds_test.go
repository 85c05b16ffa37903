package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// builtinKind is what the built-in kinds have beyond a daemon.
type builtinKind interface {
	daemon.Daemon
	daemon.Inspector
	Check() error
}

func kindEvent(seq uint64, payload []byte) daemon.Event {
	return daemon.Event{
		Link: crypto.CausalLink{Sequence: seq}, Kind: crypto.EventInput,
		Producer: crypto.ProducerID{1}, ProducerSeq: seq, Payload: payload,
	}
}

func kindState(t *testing.T, d daemon.Daemon) []byte {
	t.Helper()
	v, err := d.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer closeKind(v)
	var b bytes.Buffer
	if _, err := v.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// closeKind closes a daemon or a view where there is something to close.
func closeKind(d any) {
	if c, ok := d.(io.Closer); ok {
		c.Close()
	}
}

// fuzzRestore is the law of all three states: bytes are refused as not being a snapshot, or they
// give a daemon whose invariant holds and which writes the very same bytes. The corpus has the
// states without their checksums, and each input is tried as it is and with the right one, for
// otherwise nothing would get past it.
func fuzzRestore(f *testing.F, fresh func() builtinKind, payloads ...string) {
	for _, state := range kindStates(f, fresh(), payloads) {
		f.Add(state[:len(state)-8])
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		mustRestoreOrRefuse(t, fresh(), state)
		mustRestoreOrRefuse(t, fresh(), binary.BigEndian.AppendUint64(bytes.Clone(state), xxhash.Sum64(state)))
	})
}

// kindStates returns the states of a daemon before the first payload and after each.
func kindStates(f *testing.F, d builtinKind, payloads []string) (states [][]byte) {
	defer closeKind(d)
	for seq := 0; ; seq++ {
		v, err := d.Snapshot()
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := v.WriteTo(&b); err != nil {
			f.Fatal(err)
		}
		states = append(states, b.Bytes())
		closeKind(v)
		if seq == len(payloads) {
			return states
		}
		if _, err := d.Process(kindEvent(uint64(seq+1), []byte(payloads[seq]))); err != nil {
			f.Fatal(err)
		}
	}
}

func mustRestoreOrRefuse(t *testing.T, d builtinKind, state []byte) {
	t.Helper()
	defer closeKind(d)
	if err := d.Restore(bytes.NewReader(state)); err != nil {
		if !errors.Is(err, kinds.ErrSnapshot) {
			t.Fatal(err)
		}
		return
	}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kindState(t, d), state) {
		t.Fatal("restored, and written differently")
	}
}

func FuzzKVRestore(f *testing.F) {
	fuzzRestore(f, func() builtinKind { return kinds.NewKV() }, "put a 1", "incr n 5", "cas a 1 2", "delete n")
}

func FuzzLedgerRestore(f *testing.F) {
	fuzzRestore(f, func() builtinKind { return kinds.NewLedger() }, "open 192 100", "transfer 0 1 5", "transfer 1 2 105")
}

func FuzzWordCountRestore(f *testing.F) {
	fuzzRestore(f, func() builtinKind { return kinds.NewWordCount() }, "one two one\n", "\x80 thr", "ee ", "\x80")
}

// FuzzAuditDecode: what decodes encodes to the same bytes.
func FuzzAuditDecode(f *testing.F) {
	var a kinds.Audit
	f.Add(a.Append(nil))
	for _, seq := range []uint64{1, 2, 9, 1<<64 - 1, 2} {
		a.Record(kindEvent(seq, []byte("x")))
		f.Add(a.Append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := kinds.DecodeAudit(raw)
		if err != nil {
			if !errors.Is(err, kinds.ErrSnapshot) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(a.Append(nil), raw) {
			t.Fatal("decoded, and encoded differently")
		}
	})
}

// fuzzCommands is the law of the parsers: a payload is refused as malformed and leaves no trace,
// or is applied; either way the invariant holds, and the state survives a round trip.
func fuzzCommands(f *testing.F, fresh func() builtinKind, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		d, back := fresh(), fresh()
		defer closeKind(d)
		defer closeKind(back)
		for seq, payload := range bytes.Split(script, []byte("\n")) {
			before := kindState(t, d)
			_, err := d.Process(kindEvent(uint64(seq+2), payload))
			if err != nil && (!errors.Is(err, kinds.ErrPayload) || !bytes.Equal(before, kindState(t, d))) {
				t.Fatalf("%q: %v, or a trace of it", payload, err)
			}
			d.Inspect(payload)
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		state := kindState(t, d)
		if err := back.Restore(bytes.NewReader(state)); err != nil || !bytes.Equal(state, kindState(t, back)) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

func FuzzKVCommands(f *testing.F) {
	fuzzCommands(f, func() builtinKind { return kinds.NewKV() },
		"put a 1\nget a\nincr a\ncas a 4 x\ndelete a", "incr n 9223372036854775807\nincr n", "get a", "keys a", "audit 00")
}

// FuzzLedgerCommands starts from an open ledger, since another opening could ask for gigabytes.
func FuzzLedgerCommands(f *testing.F) {
	fuzzCommands(f, func() builtinKind {
		l := kinds.NewLedger()
		if _, err := l.Process(kindEvent(1, []byte("open 192 100"))); err != nil {
			f.Fatal(err)
		}
		return l
	}, "transfer 0 1 5\ntransfer 1 2 200\ntransfer 0 0 1", "open 1MiB", "account 1", "sum")
}

// FuzzWordCountCuts: where a text is cut does not show in what was counted.
func FuzzWordCountCuts(f *testing.F) {
	f.Add([]byte("one two\r\n\x80three \x80 \x00x"), uint16(5), uint16(9))
	f.Fuzz(func(t *testing.T, text []byte, i, j uint16) {
		i, j = uint16(int(i)%(len(text)+1)), uint16(int(j)%(len(text)+1))
		cut, whole := kinds.NewWordCount(), kinds.NewWordCount()
		for seq, piece := range [][]byte{text[:min(i, j)], text[min(i, j):max(i, j)], text[max(i, j):]} {
			if _, err := cut.Process(kindEvent(uint64(seq+1), piece)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := whole.Process(kindEvent(1, text)); err != nil {
			t.Fatal(err)
		}
		a, errA := cut.Inspect([]byte("top 1024"))
		b, errB := whole.Inspect([]byte("top 1024"))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s, %v; %s, %v", a, errA, b, errB)
		}
	})
}
