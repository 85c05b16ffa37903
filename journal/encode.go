package journal

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// sumSize is the length of a checksum.
const sumSize = 8

// appendRecord appends one record as it is stored:
//
//	length uvarint | type 1, with the top bit for the last of an Append | body | xxhash 8 of all before
//
// The length counts type and body. It reaches the concrete types by a switch, never by a call through
// the interface: so a caller's record stays on the caller's stack.
func appendRecord(dst []byte, r Record, last bool) []byte {
	// The length comes first and is known last: the body is written where a length of the common size, two
	// bytes, leaves it, and moved if the length turns out to be another.
	const room = 2
	start := len(dst)
	dst = append(dst, make([]byte, room)...)
	dst = appendBody(dst, r, last)
	n := len(dst) - start - room
	if width := codec.UvarintLen(uint64(n)); width != room {
		dst = move(dst, start+room, width-room)
	}
	binary.PutUvarint(dst[start:], uint64(n))
	return codec.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// move shifts everything from a place on by some bytes, which may be fewer than none.
func move(b []byte, from, by int) []byte {
	end := len(b)
	if by > 0 {
		b = append(b, make([]byte, by)...)
	}
	copy(b[from+by:], b[from:end])
	return b[:end+by]
}

// appendBody appends the type and the body.
func appendBody(dst []byte, r Record, last bool) []byte {
	mark := byte(0)
	if last {
		mark = lastOfAppend
	}
	switch r := r.(type) {
	case Event:
		return appendEventBody(append(dst, byte(typeEvent)|mark), &r)
	case Born:
		return appendBorn(append(dst, byte(typeBorn)|mark), &r)
	case Preparing:
		return appendPreparing(append(dst, byte(typePreparing)|mark), &r)
	case Base:
		return appendBase(append(dst, byte(typeBase)|mark), &r)
	case Hold:
		return appendHold(append(dst, byte(typeHold)|mark), &r)
	case Release:
		return crypto.AppendAttempt(appendCopy(append(dst, byte(typeRelease)|mark), r.Copy), r.Attempt)
	case Promise:
		return appendPromise(append(dst, byte(typePromise)|mark), &r)
	case Commit:
		return appendCommit(append(dst, byte(typeCommit)|mark), &r)
	case Arrived:
		return crypto.AppendSignedHead(appendCopy(append(dst, byte(typeArrived)|mark), r.Copy), r.Signed)
	case Dropped:
		return appendCopy(append(dst, byte(typeDropped)|mark), r.Copy)
	case Tombstone:
		return appendTombstone(append(dst, byte(typeTombstone)|mark), &r)
	case Forgotten:
		return codec.AppendUint64(append(dst, byte(typeForgotten)|mark), r.Origin)
	case restated:
		return appendRestated(append(dst, byte(typeRestated)|mark), &r.Copy, r.Head)
	case trimmed:
		return codec.AppendUint64(append(dst, byte(typeTrimmed)|mark), r.First)
	}
	panic("journal: internal error: this is no record, but perhaps a pointer to one")
}

func appendCopy(dst []byte, id CopyID) []byte { return codec.AppendUint64(dst, uint64(id)) }

func appendAddrs(dst []byte, addrs []string) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(addrs)))
	for _, a := range addrs {
		dst = codec.AppendString(dst, a)
	}
	return dst
}

func appendBorn(dst []byte, r *Born) []byte {
	dst = codec.AppendUint64(appendCopy(dst, r.Copy), r.Origin)
	dst = append(dst, r.Entity[:]...)
	dst = append(dst, byte(r.Durability))
	return append(dst, r.Seed[:]...)
}

func appendPreparing(dst []byte, r *Preparing) []byte {
	dst = append(appendCopy(dst, r.Copy), r.Source[:]...)
	dst = appendAddrs(dst, r.Addrs)
	dst = append(dst, r.Seed[:]...)
	p := r.Prepare // its address goes to an interface: only the copy leaves the stack
	return wire.AppendFrame(dst, &p)
}

func appendBase(dst []byte, r *Base) []byte {
	dst = crypto.AppendHead(appendCopy(dst, r.Copy), r.Head)
	dst = codec.AppendUint64(dst, r.Size)
	dst = append(dst, r.Digest[:]...)
	dst = codec.AppendUint64(dst, r.File)
	return codec.AppendBytes(dst, r.Inline)
}

func appendEventBody(dst []byte, r *Event) []byte {
	dst = append(appendCopy(dst, r.Copy), r.Outputs[:]...)
	return crypto.AppendEvent(dst, r.Event)
}

func appendHold(dst []byte, r *Hold) []byte {
	return crypto.AppendHead(crypto.AppendAttempt(appendCopy(dst, r.Copy), r.Attempt), r.Final)
}

func appendCommit(dst []byte, r *Commit) []byte {
	dst = crypto.AppendAttempt(wire.AppendRef(appendCopy(dst, r.Copy), r.Ref), r.Attempt)
	dst = append(dst, r.Orchestrator[:]...)
	dst = append(dst, r.Target[:]...)
	return appendAddrs(dst, r.Addrs)
}

func appendPromise(dst []byte, r *Promise) []byte {
	dst = wire.AppendRef(appendCopy(dst, r.Copy), r.Ref)
	dst = append(append(dst, r.Orchestrator[:]...), r.Target[:]...)
	return crypto.AppendFreezeCert(appendAddrs(dst, r.Addrs), r.Cert)
}

func appendTombstone(dst []byte, r *Tombstone) []byte {
	dst = append(dst, r.Entity[:]...)
	dst = codec.AppendString(dst, r.Kind)
	dst = codec.AppendString(dst, r.Name)
	dst = append(wire.AppendRef(dst, r.Ref), r.To[:]...)
	dst = appendAddrs(dst, r.Addrs)
	dst = crypto.AppendEvent(dst, r.Handover)
	dst = codec.AppendUint64(dst, r.Expires)
	dst = codec.AppendBool(dst, r.Arrival != nil)
	if r.Arrival != nil {
		dst = crypto.AppendSignedHead(wire.AppendRef(dst, r.Arrival.Ref), r.Arrival.Signed)
	}
	if dst = codec.AppendBool(dst, r.Opened != nil); r.Opened != nil {
		dst = crypto.AppendEvent(dst, *r.Opened)
	}
	return dst
}

// appendRestated appends a copy's row: the fixed part, then each part that may be missing behind a flag.
func appendRestated(dst []byte, c *Copy, head crypto.Head) []byte {
	dst = appendBorn(dst, &Born{Copy: c.ID, Origin: c.Origin, Entity: c.Entity, Durability: c.Durability, Seed: c.Seed})
	dst = crypto.AppendAttempt(crypto.AppendHead(dst, head), c.Released)
	if dst = codec.AppendBool(dst, c.Preparing != nil); c.Preparing != nil {
		dst = appendPreparing(dst, c.Preparing)
	}
	if dst = codec.AppendBool(dst, c.Base != nil); c.Base != nil {
		dst = appendBase(dst, c.Base)
	}
	if dst = codec.AppendBool(dst, c.Held != nil); c.Held != nil {
		dst = appendHold(dst, c.Held)
	}
	if dst = codec.AppendBool(dst, c.Arrived != nil); c.Arrived != nil {
		dst = crypto.AppendSignedHead(dst, *c.Arrived)
	}
	if dst = codec.AppendBool(dst, c.Promise != nil); c.Promise != nil {
		dst = appendPromise(dst, c.Promise)
	}
	if dst = codec.AppendBool(dst, c.Commit != nil); c.Commit != nil {
		dst = appendCommit(dst, c.Commit)
	}
	if dst = codec.AppendBool(dst, c.Handover != nil); c.Handover != nil {
		dst = crypto.AppendEvent(dst, *c.Handover)
	}
	return dst
}
