package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/golden"
	"github.com/ferrymesh/ferry/wire"
)

// The parts that many layouts share, as golden.Annotate takes them.
const (
	recordLayout  = "record.length:v type:1 "
	headLayout    = "head.origin:8 head.sequence:8 head.digest:32 head.outputs:32 "
	attemptLayout = "attempt.epoch:8 attempt.boot:8 attempt.count:8 "
	refLayout     = "ref.migration:16 ref.origin:8 ref.epoch:8 "
	eventLayout   = "event.origin:8 event.sequence:8 event.parent:32 event.kind:1 event.producer:32 event.producerSeq:8 event.payload:s "
	signedLayout  = headLayout + "signed.epoch:8 signed.signature:64 "
	addrsLayout   = "addrs:v addr:s addr:s "
	bornLayout    = "copy:8 origin:8 entity:32 durability:1 seed:32 "
	prepareLayout = "copy:8 source:32 " + addrsLayout + "seed:32 frame.subprotocol:1 frame.type:1 frame.length:4 " + refLayout +
		"entity:32 kind:s name:s orchestrator:32 through:8 size:8 stopAndCopy:1 durability:1 directory:1 "
	baseLayout   = "copy:8 " + headLayout + "size:8 digest:32 file:8 inline:s "
	holdLayout   = "copy:8 " + attemptLayout + headLayout
	commitLayout = "copy:8 " + refLayout + attemptLayout + "orchestrator:32 target:32 " + addrsLayout
	certLayout   = "cert.form:1 cert.from:32 cert.to:32 cert.epoch:8 " + headLayout + "cert.next:32 cert.snapshot:8 cert.previous:32 cert.time:8 " +
		attemptLayout + "cert.signature:64 "
	promiseLayout = "copy:8 " + refLayout + "orchestrator:32 target:32 " + addrsLayout + certLayout
	sumLayout     = "xxhash:8"
)

// run returns n bytes that count up from first, so that vectors can be read.
func run(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

var (
	goldenHead    = crypto.Head{Origin: 0x0102030405060708, Sequence: 9, Digest: crypto.Digest(run(0x10, 32)), Outputs: crypto.Digest(run(0x30, 32))}
	goldenAttempt = wire.Attempt{Epoch: 3, Boot: 2, Count: 1}
	goldenRef     = wire.Ref{Migration: wire.MigrationID(run(0x50, 16)), Origin: 0x0102030405060708, Epoch: 3}
	goldenAddrs   = []string{"a:1", "b:22"}
	goldenSigned  = crypto.SignedHead{Head: goldenHead, Epoch: 4, Signature: crypto.Signature(run(0x60, 64))}
	goldenSeed    = [32]byte(run(0x70, 32))
)

func goldenEvent(kind crypto.EventKind) crypto.CausalEvent {
	return crypto.CausalEvent{
		Link: crypto.CausalLink{Origin: goldenHead.Origin, Sequence: 10, Parent: goldenHead.Digest}, Kind: kind,
		Producer: crypto.ProducerID(run(0xa0, 32)), ProducerSeq: 3, Payload: []byte("payload"),
	}
}

func goldenPreparing() Preparing {
	return Preparing{
		Copy: 5, Source: crypto.NodeID(run(0xc0, 32)), Addrs: goldenAddrs, Seed: goldenSeed,
		Prepare: wire.Prepare{
			Ref: goldenRef, Entity: crypto.EntityID(run(0xb0, 32)), Kind: "counter", Name: "one",
			Orchestrator: crypto.NodeID(run(0xe0, 32)), Through: 7, Size: 8, StopAndCopy: true, Durability: wire.DurabilityBoth, Directory: true,
		},
	}
}

func goldenBase() Base {
	return Base{Copy: 5, Head: goldenHead, Size: 3, Digest: crypto.Digest(run(0x80, 32)), Inline: []byte("abc")}
}

func goldenCommit() Commit {
	return Commit{Copy: 5, Ref: goldenRef, Attempt: goldenAttempt, Orchestrator: crypto.NodeID(run(1, 32)), Target: crypto.NodeID(run(2, 32)), Addrs: goldenAddrs}
}

func goldenPromise() Promise {
	return Promise{
		Copy: 5, Ref: goldenRef, Orchestrator: crypto.NodeID(run(1, 32)), Target: crypto.NodeID(run(2, 32)), Addrs: goldenAddrs,
		Cert: crypto.FreezeCert{
			From: crypto.NodeID(run(3, 32)), To: crypto.NodeID(run(2, 32)), Epoch: 4, Attempt: goldenAttempt, Head: goldenHead,
			Next: crypto.PublicKey(run(0x11, 32)), SnapshotSequence: 1, Previous: crypto.Digest(run(0x12, 32)), Time: time.Unix(0, 0x0a0b0c0d0e0f).UTC(),
			Signature: crypto.Signature(run(0x13, 64)),
		},
	}
}

// goldenRecord is a record of which everything is set, and the layout of its body.
type goldenRecord struct {
	record Record
	layout string
}

func records() []goldenRecord {
	prep, base, promise, commit := goldenPreparing(), goldenBase(), goldenPromise(), goldenCommit()
	hold := Hold{Copy: 5, Attempt: goldenAttempt, Final: goldenHead}
	handover := goldenEvent(crypto.EventHandover)
	row := Copy{
		ID: 5, Origin: goldenHead.Origin, Entity: crypto.EntityID(run(0xd0, 32)), Durability: wire.DurabilityBoth, Seed: goldenSeed,
		Preparing: &prep, Base: &base, Last: 9, Held: &hold, Released: goldenAttempt, Arrived: &goldenSigned, Promise: &promise, Commit: &commit, Handover: &handover,
	}
	return []goldenRecord{
		{Born{Copy: 5, Origin: goldenHead.Origin, Entity: crypto.EntityID(run(0xd0, 32)), Durability: wire.DurabilityHandover, Seed: goldenSeed}, bornLayout},
		{prep, prepareLayout},
		{base, baseLayout},
		{Event{Copy: 5, Event: goldenEvent(crypto.EventInput), Outputs: crypto.Digest(run(0x90, 32))}, "copy:8 outputs:32 " + eventLayout},
		{hold, holdLayout},
		{Release{Copy: 5, Attempt: goldenAttempt}, "copy:8 " + attemptLayout},
		{promise, promiseLayout},
		{commit, commitLayout},
		{Arrived{Copy: 5, Signed: goldenSigned}, "copy:8 " + signedLayout},
		{Dropped{Copy: 5}, "copy:8 "},
		{
			Tombstone{
				Entity: crypto.EntityID(run(0xd0, 32)), Kind: "counter", Name: "one", Ref: goldenRef, To: crypto.NodeID(run(2, 32)), Addrs: goldenAddrs,
				Handover: handover, Expires: 99, Arrival: &wire.ActivateAck{Ref: goldenRef, Signed: goldenSigned}, Opened: &handover,
			},
			"entity:32 kind:s name:s " + refLayout + "to:32 " + addrsLayout + eventLayout + "expires:8 arrival:1 " + refLayout + signedLayout + "opened:1 " + eventLayout,
		},
		{Forgotten{Origin: goldenHead.Origin}, "origin:8 "},
		{
			restated{row, goldenHead},
			bornLayout + headLayout + attemptLayout + "preparing:1 " + prepareLayout + "base:1 " + baseLayout + "held:1 " + holdLayout +
				"arrived:1 " + signedLayout + "promise:1 " + promiseLayout + "commit:1 " + commitLayout + "handover:1 " + eventLayout,
		},
		{trimmed{First: 6}, "first:8 "},
	}
}

// frozen compares bytes that have a layout with their vector.
func frozen(t *testing.T, name string, b []byte, layout string) {
	t.Helper()
	got, err := golden.Annotate(b, layout)
	if err != nil {
		t.Fatalf("%s does not have its layout: %v\n%s", name, err, got)
	}
	golden.Check(t, filepath.Join("testdata", name+".txt"), got)
}

// TestGoldenRecords: the layouts of the records are frozen, and reading gives back what was written.
func TestGoldenRecords(t *testing.T) {
	seen := make(map[recordType]bool)
	for _, g := range records() {
		typ := g.record.recordType()
		seen[typ] = true
		name := strings.TrimPrefix(fmt.Sprintf("%T", g.record), "journal.")
		b := appendRecord(nil, g.record, true)
		frozen(t, name, b, recordLayout+g.layout+sumLayout)
		_, n := binary.Uvarint(b)
		back, err := decodeRecord(typ, b[n+1:len(b)-sumSize])
		if err != nil || !reflect.DeepEqual(back, g.record) {
			t.Errorf("%s reads back as %+v, %v", name, back, err)
		}
	}
	for typ := typeBorn; typ <= typePromise; typ++ {
		if !seen[typ] {
			t.Errorf("no golden vector for type %d", typ)
		}
	}
}

// TestSubjects: Verify knows of every record whose copy it is about. What it takes for a record of no copy it holds
// against the log, also behind damage of the copy.
func TestSubjects(t *testing.T) {
	for _, g := range records() {
		want := CopyID(0)
		switch about := reflect.ValueOf(g.record).FieldByName("Copy"); {
		case !about.IsValid():
		case about.Kind() == reflect.Struct:
			want = about.Interface().(Copy).ID
		default:
			want = about.Interface().(CopyID)
		}
		if got := subject(g.record); got != want {
			t.Errorf("a %T is about copy %d, want %d", g.record, got, want)
		}
	}
}

// TestGoldenHeaders: the layouts of the files' headers are frozen too.
func TestGoldenHeaders(t *testing.T) {
	s := segment{number: 2, group: 3, first: 1, max: 5, size: 1 << 20, salt: 0x1122334455667788}
	b := s.append(nil)
	frozen(t, "segment", b, "magic:8 version:1 number:8 group:8 first:8 max:8 size:8 salt:8 xxhash:8")
	if back, wrong := parseSegment(b, 2); back != s || wrong != "" {
		t.Errorf("segment reads back as %+v, %s", back, wrong)
	}
	b = make([]byte, groupHeader)
	putGroup(b, s.salt, 7, 300)
	frozen(t, "group", b, "magic:4 number:8 length:4 xxhash:8")
	if number, length, ok := parseGroup(b, s.salt); number != 7 || length != 300 || !ok {
		t.Errorf("group reads back as %d, %d, %v", number, length, ok)
	}
	e := ending{seg: 2, off: 333, group: 8}
	b = e.append(nil)
	frozen(t, "closed", b, "magic:8 segment:8 offset:8 group:8 xxhash:8")
	if back, ok := parseEnding(b); back != e || !ok {
		t.Errorf("ending reads back as %+v, %v", back, ok)
	}
}

// TestRecordsHaveOneEncoding: no shorter or longer body is read, and what is read encodes to the same bytes.
func TestRecordsHaveOneEncoding(t *testing.T) {
	for _, g := range records() {
		body := appendBody(nil, g.record, false)
		for n := 1; n < len(body); n++ {
			if r, err := decodeRecord(recordType(body[0]), body[1:n]); err == nil {
				t.Fatalf("%T is read from %d of %d bytes: %+v", g.record, n, len(body), r)
			}
		}
		if _, err := decodeRecord(recordType(body[0]), append(body[1:], 0)); err == nil {
			t.Errorf("%T is read with a byte too many", g.record)
		}
		for at := 1; at < len(body); at++ {
			other := bytes.Clone(body)
			other[at] ^= 1
			r, err := decodeRecord(recordType(other[0]), other[1:])
			if err == nil && !bytes.Equal(appendBody(nil, r, false), other) {
				t.Fatalf("%T with byte %d changed encodes in another way", g.record, at)
			}
		}
	}
}
