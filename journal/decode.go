package journal

import (
	"errors"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Limits of what is read back. They are wider than those of the wire, so that what a node was configured with
// can be stored too; what does not keep to them cannot be appended.
const (
	maxText  = 1 << 10
	maxAddrs = 64
)

var errRecord = errors.New("not a record of its type")

// decodeRecord reads a body. Byte slices of the result alias it.
func decodeRecord(t recordType, body []byte) (Record, error) {
	c := codec.NewCursor(body)
	var r Record
	switch t {
	case typeBorn:
		r = decodeBorn(&c)
	case typePreparing:
		r = decodePreparing(&c)
	case typeBase:
		r = decodeBase(&c)
	case typeEvent:
		r = decodeEvent(&c)
	case typeHold:
		r = decodeHold(&c)
	case typeRelease:
		r = Release{Copy: decodeCopy(&c), Attempt: crypto.DecodeAttempt(&c)}
	case typePromise:
		r = decodePromise(&c)
	case typeCommit:
		r = decodeCommit(&c)
	case typeArrived:
		r = Arrived{Copy: decodeCopy(&c), Signed: crypto.DecodeSignedHead(&c)}
	case typeDropped:
		r = Dropped{Copy: decodeCopy(&c)}
	case typeTombstone:
		r = decodeTombstone(&c)
	case typeForgotten:
		r = Forgotten{Origin: c.Uint64()}
	case typeRestated:
		r = decodeRestated(&c)
	case typeTrimmed:
		r = trimmed{First: c.Uint64()}
	default:
		return nil, errRecord
	}
	return r, c.Finish()
}

func decodeCopy(c *codec.Cursor) CopyID { return CopyID(c.Uint64()) }

func decodeAddrs(c *codec.Cursor) []string {
	n := c.Count(maxAddrs, 1)
	if n == 0 {
		return nil
	}
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = c.String(maxText)
	}
	return addrs
}

func decodeBorn(c *codec.Cursor) Born {
	r := Born{Copy: decodeCopy(c), Origin: c.Uint64()}
	c.Fixed(r.Entity[:])
	r.Durability = wire.Durability(c.Uint8())
	if !r.Durability.Valid() {
		c.Fail(errRecord)
	}
	c.Fixed(r.Seed[:])
	return r
}

func decodePreparing(c *codec.Cursor) Preparing {
	r := Preparing{Copy: decodeCopy(c)}
	c.Fixed(r.Source[:])
	r.Addrs = decodeAddrs(c)
	c.Fixed(r.Seed[:])
	r.Prepare = decodePrepare(c)
	return r
}

// decodePrepare reads the frame that came over the wire.
func decodePrepare(c *codec.Cursor) wire.Prepare {
	ahead := *c
	rest := ahead.Take(ahead.Rest())
	h, body, behind, err := wire.SplitFrame(rest)
	if err != nil {
		c.Fail(err)
		return wire.Prepare{}
	}
	c.Take(len(rest) - len(behind))
	m, err := wire.Decode(h, body)
	p, ok := m.(*wire.Prepare)
	if err != nil || !ok {
		c.Fail(errRecord)
		return wire.Prepare{}
	}
	return *p
}

func decodeBase(c *codec.Cursor) Base {
	r := Base{Copy: decodeCopy(c), Head: crypto.DecodeHead(c), Size: c.Uint64()}
	c.Fixed(r.Digest[:])
	r.File = c.Uint64()
	r.Inline = c.Bytes(MaxInline)
	if r.File != 0 && r.Inline != nil || r.File == 0 && r.Size != uint64(len(r.Inline)) {
		c.Fail(errRecord)
	}
	return r
}

func decodeEvent(c *codec.Cursor) Event {
	r := Event{Copy: decodeCopy(c)}
	c.Fixed(r.Outputs[:])
	r.Event = crypto.DecodeEvent(c)
	return r
}

func decodeHold(c *codec.Cursor) Hold {
	return Hold{Copy: decodeCopy(c), Attempt: crypto.DecodeAttempt(c), Final: crypto.DecodeHead(c)}
}

func decodeCommit(c *codec.Cursor) Commit {
	r := Commit{Copy: decodeCopy(c), Ref: wire.DecodeRef(c), Attempt: crypto.DecodeAttempt(c)}
	c.Fixed(r.Orchestrator[:])
	c.Fixed(r.Target[:])
	r.Addrs = decodeAddrs(c)
	return r
}

func decodePromise(c *codec.Cursor) Promise {
	r := Promise{Copy: decodeCopy(c), Ref: wire.DecodeRef(c)}
	c.Fixed(r.Orchestrator[:])
	c.Fixed(r.Target[:])
	r.Addrs = decodeAddrs(c)
	r.Cert = crypto.DecodeFreezeCert(c)
	return r
}

func decodeTombstone(c *codec.Cursor) (r Tombstone) {
	c.Fixed(r.Entity[:])
	r.Kind = c.String(maxText)
	r.Name = c.String(maxText)
	r.Ref = wire.DecodeRef(c)
	c.Fixed(r.To[:])
	r.Addrs = decodeAddrs(c)
	r.Handover = crypto.DecodeEvent(c)
	r.Expires = c.Uint64()
	if c.Bool() {
		r.Arrival = &wire.ActivateAck{Ref: wire.DecodeRef(c), Signed: crypto.DecodeSignedHead(c)}
	}
	r.Opened = optional(c, crypto.DecodeEvent)
	return r
}

func decodeRestated(c *codec.Cursor) restated {
	b := decodeBorn(c)
	r := restated{Copy: Copy{ID: b.Copy, Origin: b.Origin, Entity: b.Entity, Durability: b.Durability, Seed: b.Seed}}
	r.Head = crypto.DecodeHead(c)
	r.Copy.Last = r.Head.Sequence
	r.Copy.Released = crypto.DecodeAttempt(c)
	r.Copy.Preparing = optional(c, decodePreparing)
	r.Copy.Base = optional(c, decodeBase)
	r.Copy.Held = optional(c, decodeHold)
	r.Copy.Arrived = optional(c, crypto.DecodeSignedHead)
	r.Copy.Promise = optional(c, decodePromise)
	r.Copy.Commit = optional(c, decodeCommit)
	r.Copy.Handover = optional(c, crypto.DecodeEvent)
	return r
}

// optional reads what stands behind a flag.
func optional[T any](c *codec.Cursor, decode func(*codec.Cursor) T) *T {
	if !c.Bool() {
		return nil
	}
	v := decode(c)
	return &v
}
