package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
)

// The voyage that FuzzHandler replays: a snapshot after voyageBase events, more of them, a handover.
const (
	voyageBase   = 3
	voyageEvents = 40
)

// voyage is made once for all inputs.
type voyage struct {
	snapshot []byte
	origin   uint64
	log      []crypto.CausalEvent // the event of sequence n at n-1, the handover last
	heads    []crypto.Head        // the head at sequence n at n
	key      *crypto.EntityKeypair
}

var voyageNode = crypto.NodeID{2}

func newVoyage(f *testing.F) *voyage {
	host, err := daemon.NewHost(new(cargo), entityKey(f, 101), "cargo", daemon.HostConfig{})
	if err != nil {
		f.Fatal(err)
	}
	v := &voyage{origin: host.Origin(), key: entityKey(f, 102), heads: []crypto.Head{host.Head()}}
	for seq := uint64(1); seq <= voyageEvents; seq++ {
		r, err := host.Submit(crypto.ProducerID{1}, seq, bytes.Repeat([]byte{byte(seq)}, int(seq%9)))
		if err != nil {
			f.Fatal(err)
		}
		v.log, v.heads = append(v.log, r.Event), append(v.heads, host.Head())
		if seq == voyageBase {
			v.snapshot = snapshotOf(f, host)
		}
	}
	ev, err := host.HandOver(crypto.NodeID{1}, voyageNode, v.key.Public())
	if err != nil {
		f.Fatal(err)
	}
	v.log, v.heads = append(v.log, ev), append(v.heads, host.Head())
	return v
}

// cargo sums what it is given, and can be told to fail.
type cargo struct {
	sum     uint64
	broken  bool
	applied []uint64
}

var errCargo = errors.New("cargo is broken")

func (d *cargo) Process(ev daemon.Event) ([][]byte, error) {
	if d.broken {
		return nil, errCargo
	}
	d.sum = d.sum*31 + uint64(len(ev.Payload))
	d.applied = append(d.applied, ev.Link.Sequence)
	return [][]byte{binary.BigEndian.AppendUint64(nil, d.sum)}, nil
}

func (d *cargo) Snapshot() (io.WriterTo, error) {
	return bytes.NewReader(binary.BigEndian.AppendUint64(nil, d.sum)), nil
}

func (d *cargo) Restore(r io.Reader) error { return binary.Read(r, binary.BigEndian, &d.sum) }

// FuzzHandler runs a script of calls, two bytes each, on a target.Handler with the events of a real log:
// shuffled, repeated, bent, held, aborted. Laws: the handler agrees with a naive model on every result; the
// daemon processes each event once and in order; a daemon that is activated has exactly the source's head;
// what is counted as held is given back in the end.
func FuzzHandler(f *testing.F) {
	v := newVoyage(f)
	var straight, reversed []byte
	for i := byte(voyageBase); i <= voyageEvents; i++ {
		straight = append(straight, 0, i)
		reversed = append(reversed, 0, voyageEvents+voyageBase-i)
	}
	f.Add(uint8(0), uint8(0), append(straight, 8, 0, 9, 0, 8, 0, 10, 0))
	f.Add(uint8(0), uint8(0), append(reversed, 8, 0))
	f.Add(uint8(3), uint8(20), []byte{1, 0xf3, 5, 0, 1, 0x43, 5, 1, 1, 0, 2, 6, 6, 1, 10, 0, 7, 1, 10, 0, 11, 0, 1, 0x83})
	f.Add(uint8(9), uint8(9), []byte{2, 5, 0, 3, 3, 4, 0, 5, 3, 3, 6, 9, 6, 0x49, 7, 2, 8, 0, 9, 0, 10, 0})
	f.Fuzz(func(t *testing.T, maxEvents, maxBytes uint8, script []byte) {
		s := newShip(v, int(maxEvents), int64(maxBytes))
		s.restore(t)
		for len(script) >= 2 {
			s.step(t, script[0], script[1])
			s.compare(t)
			script = script[2:]
		}
		s.finish(t)
	})
}
