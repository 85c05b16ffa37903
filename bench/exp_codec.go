package main

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/ferrymesh/ferry/bench/codecs/mp"
	"github.com/ferrymesh/ferry/bench/codecs/pb"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// headerSize is what a frame has before its body.
const headerSize = 6

// codecs are one batch in all forms, and what each codec needs.
type codecs struct {
	batch  *wire.BufferedEvents
	proto  *pb.Batch
	msgp   *mp.Batch
	failed error // the first error of a contender, which has no other way to say so
}

// codecExperiment compares encoding and decoding a full frame of events with three other codecs.
func codecExperiment(l *lab) error {
	c, err := newCodecs()
	if err != nil {
		return err
	}
	encoders, decoders := c.encoders(), c.decoders()
	encode, _ := duel(l, wire.MaxBatch, encoders...)
	decode, allocs := duel(l, wire.MaxBatch, decoders...)
	if c.failed != nil {
		return c.failed
	}
	rivals := []struct {
		name string
		goal float64
	}{{"protobuf", 8}, {"vtprotobuf", 2.5}, {"msgp", 1.5}}
	for i, rival := range rivals {
		theirs := encode[i+1]
		l.add(faster(fmt.Sprintf("encode 64 events, per event, against %s", rival.name), encode[0], theirs, reach(rival.goal)))
	}
	// The decoders of vtprotobuf are two; the faster counts.
	if median(decode[4]) < median(decode[2]) {
		decode[2] = decode[4]
	}
	for i, rival := range rivals {
		l.add(faster(fmt.Sprintf("decode 64 events, per event, against %s", rival.name), decode[0], decode[i+1], reach(rival.goal)))
	}
	l.add(row{what: "decode, allocations per event", ferry: plain(allocs[0]),
		base: fmt.Sprintf("protobuf %.2g, vtprotobuf %.2g, msgp %.2g", allocs[1], allocs[2], allocs[3]), ratio: allocs[0], goal: allocationFree})
	return nil
}

// faster is compare for costs where the goal says how many times the baseline must be slower.
func faster(what string, ferry, base []float64, g goal) row {
	r := compare(what, ferry, base, nanos, g)
	r.ratio, r.spread = 1/r.ratio, spread(pairwise(base, ferry))
	return r
}

// newCodecs makes the batch: 64 events of 128 bytes.
func newCodecs() (*codecs, error) {
	list, err := fleet(1, wire.MaxBatch)
	if err != nil {
		return nil, err
	}
	ref := wire.Ref{Migration: wire.MigrationID{1}, Origin: list[0].origin, Epoch: 1}
	c := &codecs{
		batch: &wire.BufferedEvents{Ref: ref, Events: list[0].log},
		proto: &pb.Batch{Migration: ref.Migration[:], Origin: ref.Origin, Epoch: ref.Epoch},
		msgp:  &mp.Batch{Migration: ref.Migration, Origin: ref.Origin, Epoch: ref.Epoch},
	}
	for _, ev := range list[0].log {
		c.proto.Events = append(c.proto.Events, &pb.Event{
			Origin: ev.Link.Origin, Sequence: ev.Link.Sequence, Parent: ev.Link.Parent[:], Kind: uint32(ev.Kind),
			Producer: ev.Producer[:], ProducerSeq: ev.ProducerSeq, Payload: ev.Payload,
		})
		c.msgp.Events = append(c.msgp.Events, mp.Event{
			Origin: ev.Link.Origin, Sequence: ev.Link.Sequence, Parent: ev.Link.Parent, Kind: uint8(ev.Kind),
			Producer: ev.Producer, ProducerSeq: ev.ProducerSeq, Payload: ev.Payload,
		})
	}
	return c, nil
}

// note keeps an error.
func (c *codecs) note(err error) {
	if err != nil && c.failed == nil {
		c.failed = err
	}
}

// encoders write into a buffer that is there already, each: ferry, protobuf, vtprotobuf, msgp.
func (c *codecs) encoders() []func() {
	var ours, plain, packed []byte
	vt := make([]byte, c.proto.SizeVT())
	options := proto.MarshalOptions{}
	return []func(){
		func() { ours = wire.AppendFrame(ours[:0], c.batch) },
		func() {
			var err error
			plain, err = options.MarshalAppend(plain[:0], c.proto)
			c.note(err)
		},
		func() {
			_, err := c.proto.MarshalToSizedBufferVT(vt[:c.proto.SizeVT()])
			c.note(err)
		},
		func() {
			var err error
			packed, err = c.msgp.MarshalMsg(packed[:0])
			c.note(err)
		},
	}
}

// decoders read into values that are there already, as far as their library can: ferry, protobuf, vtprotobuf
// with its pool, msgp, and vtprotobuf without copying byte strings.
func (c *codecs) decoders() []func() {
	body := wire.AppendFrame(nil, c.batch)[headerSize:]
	encoded, err := proto.Marshal(c.proto)
	c.note(err)
	packed, err := c.msgp.MarshalMsg(nil)
	c.note(err)
	var ours wire.BufferedEvents
	var plain, unsafe pb.Batch
	var theirs mp.Batch
	return []func(){
		func() { c.note(wire.DecodeEvents(body, &ours)) },
		func() { c.note(proto.Unmarshal(encoded, &plain)) },
		func() {
			m := pb.BatchFromVTPool()
			c.note(m.UnmarshalVT(encoded))
			m.ReturnToVTPool()
		},
		func() {
			_, err := theirs.UnmarshalMsg(packed)
			c.note(err)
		},
		func() {
			unsafe.Reset()
			c.note(unsafe.UnmarshalVTUnsafe(encoded))
		},
	}
}

// eventOf is a log entry with nothing but a place, for buffers.
func eventOf(seq uint64, payload []byte) crypto.CausalEvent {
	return crypto.CausalEvent{Link: crypto.CausalLink{Origin: 1, Sequence: seq}, Kind: crypto.EventInput, ProducerSeq: seq, Payload: payload}
}
