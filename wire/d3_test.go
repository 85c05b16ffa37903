package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

func TestD3_EveryMessageRoundTrips(t *testing.T) {
	r := newRandom(t)
	for _, typ := range Types() {
		for range 200 {
			m := r.message(typ)
			if m.Type() != typ {
				t.Fatalf("%T has type %s, the catalog says %s", m, m.Type(), typ)
			}
			frame := AppendFrame(nil, m)
			back := decodeFrame(t, frame)
			if !reflect.DeepEqual(back, m) {
				t.Fatalf("%s: decoded %+v, want %+v", typ, back, m)
			}
			if again := AppendFrame(nil, back); !bytes.Equal(again, frame) {
				t.Fatalf("%s: re-encoded % x, want % x", typ, again, frame)
			}
		}
	}
}

func TestD3_NumbersAreFrozen(t *testing.T) {
	want := map[Type]string{
		0x0101: "Hello", 0x0102: "SessionError",
		0x0201: "TakeSnapshot", 0x0202: "Prepare", 0x0203: "PrepareOK", 0x0204: "SnapshotReady",
		0x0205: "BufferedEvents", 0x0206: "RestoreComplete", 0x0207: "Progress", 0x0208: "CutoverNotify",
		0x0209: "Final", 0x020a: "Aborted", 0x020b: "ReplayComplete", 0x020c: "ActivateTarget",
		0x020d: "ActivateAck", 0x020e: "CleanupComplete", 0x020f: "Status", 0x0210: "Cancel",
		0x0211: "Ask", 0x0212: "Answer", 0x0213: "MigrationFailed", 0x0214: "Promised", 0x0215: "Resume", 0x0216: "ResumeAt",
		0x0301: "Open", 0x0302: "Opened", 0x0303: "Submit", 0x0304: "Receipts",
		0x0305: "Refused", 0x0306: "Moved", 0x0307: "Forward", 0x0308: "Forwarded",
		0x0401: "DirectoryLookup", 0x0402: "DirectoryRegister", 0x0403: "DirectoryClaim", 0x0404: "DirectoryForce", 0x0405: "DirectoryOutcome",
		0x0406: "DirectoryWatch", 0x0407: "DirectoryEntry", 0x0408: "DirectoryDecided", 0x0409: "DirectoryFailed",
	}
	for _, typ := range Types() {
		if typ.String() != want[typ] {
			t.Errorf("0x%04x is %s, want %q", uint16(typ), typ, want[typ])
		}
		delete(want, typ)
	}
	for typ, name := range want {
		t.Errorf("0x%04x %s is gone", uint16(typ), name)
	}
}

func TestD3_VocabularyIsFrozen(t *testing.T) {
	for number, want := range map[uint8]string{
		1: PhaseSnapshot.String(), 2: PhaseTransfer.String(), 3: PhaseRestore.String(),
		4: PhaseReplay.String(), 5: PhaseCutover.String(), 6: PhaseComplete.String(),
	} {
		if got := Phase(number).String(); got != want {
			t.Errorf("phase %d is %s, want %s", number, got, want)
		}
	}
	for want, got := range []Outcome{1: OutcomeMoved, 2: OutcomeStayed, 3: OutcomeInDoubt, 4: OutcomeLost} {
		if int(got) != want {
			t.Errorf("outcome %s is %d, want %d", got, got, want)
		}
	}
	for want, got := range []State{1: StateServing, 2: StateFrozen, 3: StateReleased, 4: StateUnknown} {
		if int(got) != want {
			t.Errorf("state %s is %d, want %d", got, got, want)
		}
	}
	for want, got := range []Decision{DecisionNone, DecisionCommit, DecisionAbort} {
		if int(got) != want {
			t.Errorf("decision %s is %d, want %d", got, got, want)
		}
	}
	for want, got := range []Subprotocol{1: SubSession, 2: SubMigration, 3: SubSubmission, 4: SubDirectory} {
		if int(got) != want {
			t.Errorf("subprotocol %s is %d, want %d", got, got, want)
		}
	}
	for want, got := range []Channel{1: ChannelControl, 2: ChannelSubmit, 3: ChannelEvents, 4: ChannelSnapshot} {
		if int(got) != want {
			t.Errorf("channel %s is %d, want %d", got, got, want)
		}
	}
}

// The sizes that a receiver relies on before it has read a body.
func TestD3_FixedPartsHaveTheirLength(t *testing.T) {
	r := newRandom(t)
	event := r.event(crypto.EventInput, 0)
	for name, c := range map[string]struct{ got, want int }{
		"ref":        {len(r.ref().append(nil)), RefSize},
		"event":      {len(crypto.AppendEvent(nil, event)), crypto.MinEventSize},
		"submission": {len(appendSubmissions(nil, make([]Submission, 1))) - 1, minSubmission},
		"receipt":    {len(appendReceipts(nil, make([]ReceiptItem, 1))) - 1, minReceipt},
		"header":     {len(AppendFrame(nil, &CutoverNotify{})) - RefSize, headerLen},
	} {
		if c.got != c.want {
			t.Errorf("%s has %d bytes, want %d", name, c.got, c.want)
		}
	}
}

// A frame filled up to what the batch lengths allow is read, whatever else it
// carries.
func TestD3_FullBatchesFit(t *testing.T) {
	label := string(bytes.Repeat([]byte("l"), MaxLabel))
	event := crypto.CausalEvent{Kind: crypto.EventInput, Payload: make([]byte, MaxPayload)}
	room := MaxBatchBytes - RefSize - 1 // for events, behind their count
	last := crypto.CausalEvent{Kind: crypto.EventInput, Payload: make([]byte, room-len(crypto.AppendEvent(nil, event))-crypto.MinEventSize-2)}
	half := Submission{1, make([]byte, MaxPayload)}
	rest := Submission{2, make([]byte, SubmitRoom-SubmissionLen(&half)-8-3)}
	big := ReceiptItem{Outputs: [][]byte{make([]byte, MaxOutputs)}}
	small := ReceiptItem{Outputs: [][]byte{make([]byte, ReceiptRoom-ReceiptLen(&big)-minReceipt-3)}}
	if got := len(crypto.AppendEvents(nil, []crypto.CausalEvent{event, last})); got != room {
		t.Fatalf("events take %d bytes, want %d", got, room)
	}
	if got := SubmissionLen(&half) + SubmissionLen(&rest); got != SubmitRoom {
		t.Fatalf("submissions take %d bytes, want %d", got, SubmitRoom)
	}
	if got := ReceiptLen(&big) + ReceiptLen(&small); got != ReceiptRoom {
		t.Fatalf("receipts take %d bytes, want %d", got, ReceiptRoom)
	}
	for _, m := range []Message{
		&BufferedEvents{Events: []crypto.CausalEvent{event, last}},
		&Submit{Label: label, Items: []Submission{half, rest}},
		&Forward{Items: []Submission{half, rest}},
		&Receipts{Label: label, Items: []ReceiptItem{big, small}},
		&Forwarded{Items: []ReceiptItem{big, small}},
		&SnapshotReady{Data: make([]byte, MaxChunk)},
	} {
		decodeFrame(t, AppendFrame(nil, m))
	}
}

func TestD3_OversizedFrameIsOurBug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("AppendFrame wrote a frame that no peer would read")
		}
	}()
	AppendFrame(nil, &SnapshotReady{Data: make([]byte, MaxFrame)})
}
