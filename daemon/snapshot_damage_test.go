package daemon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestD4_EveryTruncation(t *testing.T) {
	h, _ := travelled(t)
	b := snapshotBytes(t, h)
	for n := range b {
		err := tryRestore(bytes.NewReader(b[:n]))
		wantErr(t, fmt.Sprintf("%d of %d bytes", n, len(b)), err, wire.ErrBadSnapshot, io.ErrUnexpectedEOF)
	}
	check(t, tryRestore(bytes.NewReader(b)))
}

func TestD4_EveryAlteredByte(t *testing.T) {
	h, _ := travelled(t)
	b := snapshotBytes(t, h)
	for i := range b {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b[i] ^= flip
			wantErr(t, fmt.Sprintf("byte %d ^ %#x", i, flip), tryRestore(bytes.NewReader(b)), wire.ErrBadSnapshot)
			b[i] ^= flip
		}
	}
	wantErr(t, "a byte more", tryRestore(bytes.NewReader(append(b, 0))), wire.ErrBadSnapshot, codec.ErrTrailing)
	check(t, tryRestore(bytes.NewReader(b)))
}

func tryRestore(r io.Reader) error {
	s, err := ReadSnapshot(r)
	if err != nil {
		return err
	}
	key, err := crypto.KeypairFromSeed([32]byte{9})
	if err != nil {
		return err
	}
	h, err := Restore(s, new(tally), key, HostConfig{})
	if (h == nil) != (err != nil) {
		return fmt.Errorf("host %v with error %v", h, err)
	}
	return err
}

// TestD4_WrongMagicVersion names the two errors that people will meet.
func TestD4_WrongMagicVersion(t *testing.T) {
	h, _ := birth(t)
	b := snapshotBytes(t, h)
	wantErr(t, "a text", tryRestore(bytes.NewReader([]byte("not a snapshot at all"))), wire.ErrBadSnapshot)
	binary.BigEndian.PutUint16(b[len(snapshotMagic):], 2)
	wantErr(t, "version 2", tryRestore(bytes.NewReader(b)), wire.ErrBadSnapshot, wire.ErrVersion)
}

// TestD4_LyingHeader: headers that are well-formed, checksummed and in
// themselves contradictory.
func TestD4_LyingHeader(t *testing.T) {
	h, _ := travelled(t)
	other, _ := NewHost(new(tally), testKey(t, 30), "tally", HostConfig{})
	for what, lie := range map[string]func(x *header){
		"entity":               func(x *header) { x.entity = other.EntityID() },
		"passport":             func(x *header) { x.passport = other.passport },
		"kind":                 func(x *header) { x.kind = "other" },
		"control characters":   func(x *header) { x.name = "\a" },
		"epoch":                func(x *header) { x.epoch++ },
		"origin":               func(x *header) { x.head.Origin++ },
		"head before handover": func(x *header) { x.head.Sequence = 2; x.producers = tableView{oldest: none} },
		"head beside handover": func(x *header) { x.head.Digest[0]++ },
		"shortened passport":   func(x *header) { x.passport.Handovers = x.passport.Handovers[:1] },
		"tampered passport": func(x *header) {
			x.passport = x.passport.Clone()
			x.passport.Handovers[0].Time = time.Unix(5, 0).UTC()
		},
	} {
		x := h.header()
		lie(&x)
		err := tryRestore(bytes.NewReader(written(t, &Snapshot{header: x, view: &tallyView{}})))
		wantErr(t, what, err, wire.ErrBadSnapshot)
	}
}

// TestD4_LyingTable: producer tables that no log could have left.
func TestD4_LyingTable(t *testing.T) {
	h, _ := travelled(t)
	for what, lie := range map[string]func(v *tableView){
		"horizon with room":  func(v *tableView) { v.horizon = 1 },
		"producer twice":     func(v *tableView) { v.slots[1].id = v.slots[0].id },
		"ahead of the head":  func(v *tableView) { v.slots[2].window.entries[1].sequence = 1 << 40 },
		"sequence twice":     func(v *tableView) { v.slots[1].window.entries[1].sequence = v.slots[0].window.entries[1].sequence },
		"order of producers": func(v *tableView) { v.slots[0].window.entries[1].sequence = 50 },
		"order of sequences": func(v *tableView) { v.slots[0].window.entries[0].sequence = 70 },
		"order of numbers":   func(v *tableView) { v.slots[0].window.entries[0].number = 70 },
		"sequence 0":         func(v *tableView) { v.slots[0].window.entries[0].sequence = 0 },
		"no entries":         func(v *tableView) { v.slots[0].window.entries = nil },
		"65 entries":         func(v *tableView) { v.slots[0].window.entries = make([]entry, 65) },
		"outputs, none":      func(v *tableView) { v.slots[0].outputs = &kept{encoded: []byte{0}} },
		"outputs, cut":       func(v *tableView) { v.slots[0].outputs = &kept{encoded: []byte{1, 5}} },
		"outputs, trailing":  func(v *tableView) { v.slots[0].outputs = &kept{encoded: []byte{1, 0, 0}} },
		"outputs, long":      func(v *tableView) { v.slots[0].outputs = &kept{encoded: make([]byte, maxKept+1)} },
	} {
		again, _ := restored(t, snapshotBytes(t, h), 9)
		x := again.header()
		lie(&x.producers)
		err := tryRestore(bytes.NewReader(rawSnapshot(x)))
		wantErr(t, what, err, wire.ErrBadSnapshot)
	}
}

// rawSnapshot writes a header, however wrong, with an empty state.
func rawSnapshot(x header) []byte {
	var b bytes.Buffer
	w := newSink(&b)
	x.write(w)
	w.trailer()
	return b.Bytes()
}

// TestD4_TooMuchKept: each producer's outputs are within bounds, all together
// are not.
func TestD4_TooMuchKept(t *testing.T) {
	table := newProducers(MaxProducers)
	full := [][]byte{make([]byte, wire.MaxOutputs)}
	for i := range MaxKeptOutputs/wire.MaxOutputs + 1 {
		table.record(&Event{Link: crypto.CausalLink{Sequence: uint64(i + 1)}, Producer: producer(i)}, full)
	}
	v := table.view()
	r := newSource(bytes.NewReader(tableBytes(v)))
	if readProducers(r, 1000); r.err != nil {
		t.Errorf("what fits: %v", r.err)
	}
	v.slots[0].outputs = v.slots[1].outputs // dropped for want of room
	v.slots[1].outputs = v.slots[2].outputs
	r = newSource(bytes.NewReader(tableBytes(v)))
	readProducers(r, 1000)
	wantErr(t, "what does not", r.err, wire.ErrBadSnapshot)
}

// TestD4_HeaderFailsAtOnce: damage in the header is found by ReadSnapshot, not
// only by the digest at the far end of the state.
func TestD4_HeaderFailsAtOnce(t *testing.T) {
	h, _ := travelled(t)
	b, x := snapshotBytes(t, h), h.header()
	for i := range x.len() {
		b[i] ^= 1
		_, err := ReadSnapshot(bytes.NewReader(b))
		wantErr(t, fmt.Sprintf("byte %d", i), err, wire.ErrBadSnapshot)
		b[i] ^= 1
	}
}

// TestD4_UnreadStateIsVerified: a daemon that stops reading early does not
// make a damaged rest good.
func TestD4_UnreadStateIsVerified(t *testing.T) {
	h, d := birth(t)
	d.state = make([]byte, 2*wire.MaxChunk)
	b := snapshotBytes(t, h)
	for _, at := range []int{len(b) - 1, len(b) - 35, len(b) - 100} {
		b[at] ^= 1
		s, err := ReadSnapshot(bytes.NewReader(b))
		check(t, err)
		_, err = Restore(s, &tally{readOnly: 10}, testKey(t, 1), HostConfig{})
		wantErr(t, fmt.Sprintf("%d bytes before the end", len(b)-at), err, wire.ErrBadSnapshot)
		b[at] ^= 1
	}
}

// TestD4_LyingTrailer: a wrong length, vouched for by the digest.
func TestD4_LyingTrailer(t *testing.T) {
	h, _ := birth(t)
	x := h.header()
	var b bytes.Buffer
	w := newSink(&b)
	x.write(w)
	w.add([]byte{0})
	w.add(codec.AppendUint64(nil, w.n+1))
	w.add(w.sum.Sum(nil))
	check(t, w.w.Flush())
	wantErr(t, "length", tryRestore(&b), wire.ErrBadSnapshot)
}

// TestD4_ChunkingIsCanonical: a state cut in other places is refused, though
// every checksum is right.
func TestD4_ChunkingIsCanonical(t *testing.T) {
	h, _ := birth(t)
	var b bytes.Buffer
	w := newSink(&b)
	x := h.header()
	x.write(w)
	c := &chunker{out: w, proceed: func() error { return nil }}
	c.chunk([]byte("a"))
	c.chunk([]byte("b"))
	w.trailer()
	wantErr(t, "two short chunks", tryRestore(&b), wire.ErrBadSnapshot, codec.ErrNonCanonical)
}

// TestD4_NothingUnverifiedReachesRestore: the daemon sees only bytes of chunks
// whose checksum was right, and never the end of a damaged state.
func TestD4_NothingUnverifiedReachesRestore(t *testing.T) {
	h, d := birth(t)
	d.state = bytes.Repeat([]byte{0xaa}, 2*wire.MaxChunk)
	b := snapshotBytes(t, h)
	b[len(b)-trailerSize-1] ^= 1 // the last byte of the second chunk
	s, err := ReadSnapshot(bytes.NewReader(b))
	check(t, err)
	spy := new(tally)
	_, err = Restore(s, spy, testKey(t, 1), HostConfig{})
	wantErr(t, "restore", err, wire.ErrBadSnapshot, wire.ErrStateFailed)
	if len(spy.state) != wire.MaxChunk {
		t.Errorf("the daemon saw %d bytes, want the first chunk", len(spy.state))
	}
	b[len(b)-trailerSize-1] ^= 1
	b[len(b)-1] ^= 1 // the digest
	s, err = ReadSnapshot(bytes.NewReader(b))
	check(t, err)
	if _, err := io.ReadAll(s.state); !errors.Is(err, wire.ErrBadSnapshot) {
		t.Errorf("the state ended with %v, not with an error", err)
	}
}

// allocated returns the bytes allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestReadSnapshotIsFrugal: a stream that promises much and delivers little
// costs what it delivered.
func TestReadSnapshotIsFrugal(t *testing.T) {
	h, _ := birth(t)
	b := snapshotBytes(t, h)
	x := h.header()
	state := int(x.len())
	promise := append(bytes.Clone(b[:state]), codec.AppendUvarint(nil, wire.MaxChunk)...)
	promise = append(promise, make([]byte, 100)...)
	for what, b := range map[string][]byte{"chunk": promise, "table": append(bytes.Clone(b[:state-10]), 0x90, 0x4e)} {
		const runs = 20
		before := allocated()
		for range runs {
			if tryRestore(bytes.NewReader(b)) == nil {
				t.Fatal("it restores")
			}
		}
		if got := (allocated() - before) / runs; got > 32<<10 {
			t.Errorf("a promised %s costs %d bytes", what, got)
		}
	}
}
