package wire

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/internal/golden"
)

// vector is one frozen message and its layout, as golden.Annotate takes it.
type vector struct {
	msg    Message
	layout string
}

// The parts that many layouts share.
const (
	headerLayout  = "subprotocol:1 type:1 length:4 "
	refLayout     = "ref.migration:16 ref.origin:8 ref.epoch:8 "
	attemptLayout = "attempt.epoch:8 attempt.boot:8 attempt.count:8 "
	headLayout    = "head.origin:8 head.sequence:8 head.digest:32 head.outputs:32 "
	eventLayout   = "event.origin:8 event.sequence:8 event.parent:32 event.kind:1 event.producer:32 event.producerSeq:8 event.payload:s "
	statsLayout   = "stats.snapshotBytes:8 stats.snapshotSent:8 stats.eventsDuring:8 stats.lag:8 stats.blackout:8 stats.transfer:8 stats.predicted:8 stats.epoch:8 "
	receiptLayout = "receipt.seq:8 receipt.sequence:8 receipt.duplicate:1 outputs:v output:s output:s "
	feedLayout    = "origin:8 label:s "
)

// run returns n bytes that count up from first, so that vectors can be read.
func run(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func goldenEvent(kind crypto.EventKind) crypto.CausalEvent {
	return crypto.CausalEvent{
		Link:        crypto.CausalLink{Origin: 0x0102030405060708, Sequence: 9, Parent: crypto.Digest(run(0x10, 32))},
		Kind:        kind,
		Producer:    crypto.ProducerID(run(0x30, 32)),
		ProducerSeq: 3,
		Payload:     []byte("payload"),
	}
}

func goldenKey() crypto.PublicKey {
	pair, err := crypto.KeypairFromSeed([32]byte(run(1, 32)))
	if err != nil {
		panic(err)
	}
	return pair.Public()
}

// vectors returns the frozen message of every type.
func vectors() []vector {
	return slices.Concat(goldenSession(), goldenMigration(), goldenSubmission(), goldenDirectory())
}

func goldenSession() []vector {
	return []vector{
		{&Hello{[]VersionRange{{SubSession, 1, 1}, {SubMigration, 1, 2}}, 7, "node-a", []string{"198.51.100.7:4600", "[2001:db8::7]:4600"}},
			"versions:v subprotocol:1 min:2 max:2 subprotocol:1 min:2 max:2 boot:8 name:s addrs:v addr:s addr:s"},
		{&SessionError{TypeFinal, 0x0102030405060708, MigrationID(run(0xa0, 16)), ReasonWrongPeer, "not the source"},
			"subject:2 origin:8 migration:16 reason:2 detail:s"},
	}
}

func goldenMigration() []vector {
	ref := Ref{MigrationID(run(0xa0, 16)), 0x0102030405060708, 5}
	attempt := Attempt{Epoch: 5, Boot: 7, Count: 2}
	head := crypto.Head{Origin: ref.Origin, Sequence: 8, Digest: crypto.Digest(run(0x40, 32)), Outputs: crypto.Digest(run(0x60, 32))}
	node, signature := crypto.NodeID(run(0x80, 32)), crypto.Signature(run(0xc0, 64))
	stats := Stats{1 << 20, 1 << 18, 99, 12, 3 * time.Millisecond, time.Second, 5 * time.Millisecond, 5}
	handover := goldenEvent(crypto.EventHandover)
	return []vector{
		{&TakeSnapshot{ref, node, []string{"198.51.100.8:4600"}, Options{time.Second, time.Minute, time.Hour, 1 << 24}},
			refLayout + "target:32 addrs:v addr:s options.maxBlackout:8 options.stall:8 options.timeout:8 options.maxRate:8"},
		{&Prepare{ref, crypto.EntityID(goldenKey()), "counter", "tally", node, 1000, 4096, true, DurabilityEveryEvent, true},
			refLayout + "entity:32 kind:s name:s orchestrator:32 through:8 size:8 stopAndCopy:1 durability:1 directory:1"},
		{&PrepareOK{ref, goldenKey(), 1_000_000, 64 << 20}, refLayout + "next:32 creditEvents:8 creditBytes:8"},
		{&SnapshotReady{ref, 65536, []byte("chunk of state"), true}, refLayout + "offset:8 last:1 data:s"},
		{&BufferedEvents{ref, []crypto.CausalEvent{goldenEvent(crypto.EventInput), handover}},
			refLayout + "events:v " + eventLayout + eventLayout},
		{&RestoreComplete{ref, head}, refLayout + headLayout},
		{&Progress{ref, head, 17, 250_000}, refLayout + headLayout + "buffered:8 rate:8"},
		{&CutoverNotify{ref}, refLayout},
		{&Final{ref, attempt, head}, refLayout + attemptLayout + headLayout},
		{&Aborted{ref, attempt}, refLayout + attemptLayout},
		{&ReplayComplete{ref, attempt, head, signature}, refLayout + attemptLayout + headLayout + "signature:64"},
		{&ActivateTarget{ref, attempt, handover}, refLayout + attemptLayout + eventLayout},
		{&ActivateAck{ref, crypto.SignedHead{Head: head, Epoch: 6, Signature: signature}}, refLayout + headLayout + "epoch:8 signature:64"},
		{&CleanupComplete{ref, OutcomeMoved, stats}, refLayout + "outcome:1 " + statsLayout},
		{&Status{ref, PhaseCutover, true, stats}, refLayout + "phase:1 inDoubt:1 " + statsLayout},
		{&Cancel{ref}, refLayout},
		{&Ask{ref, attempt}, refLayout + attemptLayout},
		{&Answer{ref, StateReleased, 7, attempt, true, handover}, refLayout + "state:1 boot:8 " + attemptLayout + "hasHandover:1 " + eventLayout},
		{&MigrationFailed{ref, ReasonFactoryNotFound, "no factory for counter"}, refLayout + "reason:2 detail:s"},
		{&Promised{ref, goldenCert(head)}, refLayout + certLayout},
		{&Resume{ref, 3, head}, refLayout + "serial:8 " + headLayout},
		{&ResumeAt{ref, 3, head, 1 << 24}, refLayout + "serial:8 " + headLayout + "offset:8"},
	}
}

func goldenSubmission() []vector {
	const origin = 0x0102030405060708
	ref := Ref{MigrationID(run(0xa0, 16)), origin, 5}
	items := []Submission{{4, []byte("add 1")}, {5, nil}}
	receipt := []ReceiptItem{{4, 120, true, [][]byte{[]byte("1"), nil}}}
	producer := crypto.ProducerID(run(0x30, 32))
	return []vector{
		{&Open{origin, "console"}, feedLayout},
		{&Opened{origin, "console", 100, 3, 5, goldenKey()}, feedLayout + "since:8 last:8 epoch:8 key:32"},
		{&Submit{origin, "console", 100, items}, feedLayout + "since:8 items:v seq:8 payload:s seq:8 payload:s"},
		{&Receipts{origin, "console", 5, receipt}, feedLayout + "epoch:8 items:v " + receiptLayout},
		{&Refused{origin, "console", 4, ReasonFrozen, "cutover", 50 * time.Millisecond}, feedLayout + "seq:8 reason:2 detail:s retryAfter:8"},
		{&Moved{origin, "console", crypto.NodeID(run(0x80, 32)), []string{"198.51.100.8:4600"}, 6, goldenEvent(crypto.EventHandover)},
			feedLayout + "node:32 addrs:v addr:s epoch:8 " + eventLayout},
		{&Forward{ref, producer, 100, items}, refLayout + "producer:32 since:8 items:v seq:8 payload:s seq:8 payload:s"},
		{&Forwarded{ref, producer, 4, receipt, 5, ReasonProducerWindow}, refLayout + "producer:32 first:8 items:v " + receiptLayout + "failedSeq:8 reason:2"},
	}
}

func TestD3_GoldenVectors(t *testing.T) {
	seen := make(map[Type]bool)
	for _, g := range vectors() {
		seen[g.msg.Type()] = true
		t.Run(g.msg.Type().String(), func(t *testing.T) { checkVector(t, g) })
	}
	for _, typ := range Types() {
		if !seen[typ] {
			t.Errorf("no golden vector for %s", typ)
		}
	}
}

// checkVector compares one message with its recording, in both directions.
func checkVector(t *testing.T, g vector) {
	frame := AppendFrame(nil, g.msg)
	got, err := golden.Annotate(frame, headerLayout+g.layout)
	if err != nil {
		t.Fatalf("frame does not have its layout: %v\n%s", err, got)
	}
	golden.Check(t, filepath.Join("testdata", g.msg.Type().String()+".txt"), got)
	if back := decodeFrame(t, frame); !reflect.DeepEqual(back, g.msg) {
		t.Fatalf("decoded %+v, want %+v", back, g.msg)
	}
}

// decodeFrame decodes one whole frame that must be good.
func decodeFrame(t testing.TB, frame []byte) Message {
	t.Helper()
	h, body, rest, err := SplitFrame(frame)
	if err != nil || len(rest) > 0 {
		t.Fatalf("SplitFrame: %v, %d bytes left", err, len(rest))
	}
	m, err := Decode(h, body)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	return m
}
