package sim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// The kinds of daemons that every node can build.
const (
	KindTape   = "tape"   // remembers every event
	KindFrozen = "frozen" // the same, and moves by stop and copy
)

// Poison is the first byte of payloads that a tape refuses.
const Poison = 0xff

var errPoison = errors.New("sim: the payload is poison")

// tape is a daemon whose state is the list of everything it has applied. Each copy compares every event
// with what all other copies saw at the same sequence.
type tape struct {
	l       *life // whose copy it is
	entries []entry
}

// entry is one event as a tape remembers it.
type entry struct {
	sequence uint64
	producer crypto.ProducerID
	number   uint64
	digest   crypto.Digest
}

const entryLen = 8 + 32 + 8 + 32

// Process implements daemon.Daemon.
func (t *tape) Process(ev daemon.Event) ([][]byte, error) {
	if len(ev.Payload) > 0 && ev.Payload[0] == Poison {
		return nil, errPoison
	}
	t.follows(ev)
	t.entries = append(t.entries, entry{ev.Link.Sequence, ev.Producer, ev.ProducerSeq, ev.Digest()})
	t.l.saw(ev)
	out := binary.BigEndian.AppendUint64(nil, uint64(len(t.entries)))
	return [][]byte{out}, nil
}

// Snapshot implements daemon.Daemon. Entries are only ever appended, so a shorter slice is a frozen view.
func (t *tape) Snapshot() (io.WriterTo, error) {
	return tapeView(t.entries[:len(t.entries):len(t.entries)]), nil
}

type tapeView []entry

// WriteTo implements io.WriterTo.
func (v tapeView) WriteTo(w io.Writer) (int64, error) {
	b := make([]byte, 0, len(v)*entryLen)
	for i := range v {
		e := &v[i]
		b = binary.BigEndian.AppendUint64(b, e.sequence)
		b = append(b, e.producer[:]...)
		b = binary.BigEndian.AppendUint64(b, e.number)
		b = append(b, e.digest[:]...)
	}
	n, err := w.Write(b)
	return int64(n), err
}

// Restore implements daemon.Daemon.
func (t *tape) Restore(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if len(b)%entryLen != 0 {
		return fmt.Errorf("sim: a tape of %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[entryLen:] {
		e := entry{sequence: binary.BigEndian.Uint64(b), number: binary.BigEndian.Uint64(b[40:])}
		copy(e.producer[:], b[8:])
		copy(e.digest[:], b[48:])
		t.entries = append(t.entries, e)
	}
	return nil
}

// Inspect implements daemon.Inspector: it answers with the whole tape.
func (t *tape) Inspect([]byte) ([]byte, error) {
	var b bytes.Buffer
	_, err := tapeView(t.entries).WriteTo(&b)
	return b.Bytes(), err
}

// frozenTape is a tape that says it is not deterministic.
type frozenTape struct{ tape }

// StopAndCopy implements daemon.StopAndCopy.
func (*frozenTape) StopAndCopy() {}

func (l *life) registerKinds(f *daemon.Factories) {
	for kind, fresh := range map[string]func() daemon.Daemon{
		KindTape:   func() daemon.Daemon { return &tape{l: l} },
		KindFrozen: func() daemon.Daemon { return &frozenTape{tape{l: l}} },
	} {
		if err := f.RegisterKind(kind, fresh); err != nil {
			panic(fmt.Sprintf("sim: internal error: %v", err))
		}
	}
}
