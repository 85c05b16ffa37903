package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

// random draws messages. Every field that a message has gets a value of its own,
// so that a swapped or forgotten field cannot round-trip by luck.
type random struct{ *rand.Rand }

// newRandom returns a source of messages and prints the seed that repeats it.
func newRandom(t testing.TB) random {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return random{rand.New(rand.NewPCG(seed, 1))}
}

// bytes returns up to n bytes, nil for none.
func (r random) bytes(n int) []byte {
	n = r.IntN(n + 1)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	r.fill(b)
	return b
}

// fill overwrites b.
func (r random) fill(b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// text returns printable text of up to n bytes, not all of it ASCII.
func (r random) text(n int) string {
	alphabet := []rune("abcxyz 0189-_./:éßλ→漢")
	var s string
	for range r.IntN(n + 1) {
		if next := s + string(alphabet[r.IntN(len(alphabet))]); len(next) <= n {
			s = next
		}
	}
	return s
}

func (r random) addrs() []string {
	var addrs []string
	for range r.IntN(MaxAddrs + 1) {
		addrs = append(addrs, "a"+r.text(MaxAddr-1))
	}
	return addrs
}

func (r random) duration() time.Duration { return time.Duration(r.Uint64() >> 1) }

func (r random) node() (id crypto.NodeID) { r.fill(id[:]); return id }

func (r random) ref() (ref Ref) {
	r.fill(ref.Migration[:])
	ref.Origin, ref.Epoch = r.Uint64(), r.Uint64()
	return ref
}

func (r random) attempt() Attempt {
	return Attempt{Epoch: r.Uint64(), Boot: r.Uint64(), Count: r.Uint64()}
}

func (r random) head() (h crypto.Head) {
	h.Origin, h.Sequence = r.Uint64(), r.Uint64()
	r.fill(h.Digest[:])
	r.fill(h.Outputs[:])
	return h
}

func (r random) key() crypto.PublicKey {
	var seed [32]byte
	r.fill(seed[:])
	pair, err := crypto.KeypairFromSeed(seed)
	if err != nil {
		panic(err)
	}
	return pair.Public()
}

func (r random) event(kind crypto.EventKind, payload int) (ev crypto.CausalEvent) {
	ev.Link.Origin, ev.Link.Sequence = r.Uint64(), r.Uint64()
	r.fill(ev.Link.Parent[:])
	ev.Kind = kind
	r.fill(ev.Producer[:])
	ev.ProducerSeq = r.Uint64()
	ev.Payload = r.bytes(payload)
	return ev
}

func (r random) handover() crypto.CausalEvent {
	return r.event(crypto.EventHandover, crypto.MaxHandoverSize)
}

func (r random) options() Options {
	return Options{r.duration(), r.duration(), r.duration(), r.Uint64()}
}

func (r random) stats() Stats {
	return Stats{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.duration(), r.duration(), r.duration(), r.Uint64()}
}

func (r random) reason() Reason { return Reason(1 + r.IntN(len(reasons)-1)) }

func (r random) versions() []VersionRange {
	var versions []VersionRange
	for sub := range r.IntN(MaxVersions + 1) {
		low := uint16(r.IntN(100))
		versions = append(versions, VersionRange{Subprotocol(sub * 3), low, low + uint16(r.IntN(9))})
	}
	return versions
}

func (r random) submissions() []Submission {
	var items []Submission
	for range r.IntN(9) {
		items = append(items, Submission{r.Uint64(), r.bytes(300)})
	}
	return items
}

func (r random) receipts() []ReceiptItem {
	var items []ReceiptItem
	for range r.IntN(9) {
		item := ReceiptItem{Seq: r.Uint64(), Sequence: r.Uint64(), Duplicate: r.IntN(2) == 1}
		for range r.IntN(4) {
			item.Outputs = append(item.Outputs, r.bytes(100))
		}
		items = append(items, item)
	}
	return items
}

func (r random) signature() (s crypto.Signature) { r.fill(s[:]); return s }

// message draws a message of the given type.
func (r random) message(t Type) Message {
	switch t.Subprotocol() {
	case SubSession:
		return r.session(t)
	case SubMigration:
		return r.migration(t)
	case SubSubmission:
		return r.submission(t)
	case SubDirectory:
		return r.directory(t)
	}
	panic(fmt.Sprintf("no generator for %s", t))
}

func (r random) session(t Type) Message {
	switch t {
	case TypeHello:
		return &Hello{r.versions(), r.Uint64(), r.text(MaxName), r.addrs()}
	case TypeSessionError:
		return &SessionError{Type(r.Uint32()), r.Uint64(), r.ref().Migration, r.reason(), r.text(MaxDetail)}
	}
	panic(fmt.Sprintf("no generator for %s", t))
}

func (r random) migration(t Type) Message {
	switch t {
	case TypeTakeSnapshot:
		return &TakeSnapshot{r.ref(), r.node(), r.addrs(), r.options()}
	case TypePrepare:
		return &Prepare{r.ref(), crypto.EntityID(r.key()), r.text(MaxKind), r.text(MaxName), r.node(), r.Uint64(), r.Uint64(), r.IntN(2) == 1, Durability(r.IntN(4)), r.IntN(2) == 1}
	case TypePrepareOK:
		return &PrepareOK{r.ref(), r.key(), r.Uint64(), r.Uint64()}
	case TypeSnapshotReady:
		return &SnapshotReady{r.ref(), r.Uint64(), r.bytes(3000), r.IntN(2) == 1}
	case TypeBufferedEvents:
		return r.batch(r.IntN(MaxBatch+1), 200)
	case TypeRestoreComplete:
		return &RestoreComplete{r.ref(), r.head()}
	case TypeProgress:
		return &Progress{r.ref(), r.head(), r.Uint64(), r.Uint64()}
	case TypeCutoverNotify:
		return &CutoverNotify{r.ref()}
	case TypeFinal:
		return &Final{r.ref(), r.attempt(), r.head()}
	case TypeAborted:
		return &Aborted{r.ref(), r.attempt()}
	case TypeReplayComplete:
		return &ReplayComplete{r.ref(), r.attempt(), r.head(), r.signature()}
	}
	return r.ending(t)
}

// ending draws the messages from the commit on.
func (r random) ending(t Type) Message {
	switch t {
	case TypeActivateTarget:
		return &ActivateTarget{r.ref(), r.attempt(), r.handover()}
	case TypeActivateAck:
		return &ActivateAck{r.ref(), crypto.SignedHead{Head: r.head(), Epoch: r.Uint64(), Signature: r.signature()}}
	case TypeCleanupComplete:
		return &CleanupComplete{r.ref(), Outcome(1 + r.IntN(4)), r.stats()}
	case TypeStatus:
		return &Status{r.ref(), Phase(1 + r.IntN(6)), r.IntN(2) == 1, r.stats()}
	case TypeCancel:
		return &Cancel{r.ref()}
	case TypeAsk:
		return &Ask{r.ref(), r.attempt()}
	case TypeAnswer:
		return r.answer()
	case TypeMigrationFailed:
		return &MigrationFailed{r.ref(), r.reason(), r.text(MaxDetail)}
	case TypePromised:
		return &Promised{r.ref(), r.claim().Cert}
	case TypeResume:
		return &Resume{r.ref(), r.Uint64(), r.head()}
	case TypeResumeAt:
		return &ResumeAt{r.ref(), r.Uint64(), r.head(), r.Uint64()}
	}
	panic(fmt.Sprintf("no generator for %s", t))
}

func (r random) answer() *Answer {
	m := &Answer{Ref: r.ref(), State: State(1 + r.IntN(4)), Boot: r.Uint64(), Attempt: r.attempt()}
	m.HasHandover = m.State == StateReleased || r.IntN(2) == 1
	if m.HasHandover {
		m.Handover = r.handover()
	}
	return m
}

// batch draws n events with payloads of up to the given size.
func (r random) batch(n, payload int) *BufferedEvents {
	m := &BufferedEvents{Ref: r.ref()}
	for range n {
		m.Events = append(m.Events, r.event(crypto.EventInput, payload))
	}
	return m
}

func (r random) submission(t Type) Message {
	switch t {
	case TypeOpen:
		return &Open{r.Uint64(), r.text(MaxLabel)}
	case TypeOpened:
		return &Opened{r.Uint64(), r.text(MaxLabel), r.Uint64(), r.Uint64(), r.Uint64(), r.key()}
	case TypeSubmit:
		return &Submit{r.Uint64(), r.text(MaxLabel), r.Uint64(), r.submissions()}
	case TypeReceipts:
		return &Receipts{r.Uint64(), r.text(MaxLabel), r.Uint64(), r.receipts()}
	case TypeRefused:
		return &Refused{r.Uint64(), r.text(MaxLabel), r.Uint64(), r.reason(), r.text(MaxDetail), r.duration()}
	case TypeMoved:
		return &Moved{r.Uint64(), r.text(MaxLabel), r.node(), r.addrs(), r.Uint64(), r.handover()}
	case TypeForward:
		return &Forward{r.ref(), crypto.ProducerID(r.node()), r.Uint64(), r.submissions()}
	case TypeForwarded:
		return &Forwarded{r.ref(), crypto.ProducerID(r.node()), r.Uint64(), r.receipts(), r.Uint64(), r.reason()}
	}
	panic(fmt.Sprintf("no generator for %s", t))
}
