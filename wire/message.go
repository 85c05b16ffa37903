package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Message is one message of the protocol. The set is closed: every message is a
// pointer to a struct of this package, so that a type switch on a decoded
// message covers all there is.
type Message interface {
	// Type returns the type of the message; it may be called on a nil pointer.
	Type() Type
	// append appends the body.
	append(dst []byte) []byte
	// parse fills the message from a body; errors stick to the cursor.
	parse(c *codec.Cursor)
}

// Referring is a message that belongs to one migration: it embeds a Ref.
type Referring interface {
	Message
	// Reference returns the Ref of the message.
	Reference() Ref
}

// Ref starts every message of a migration. Epoch is the epoch that the source
// held when the migration began; a message of a lower epoch is answered, never
// obeyed.
type Ref struct {
	Migration MigrationID
	Origin    uint64
	Epoch     uint64
}

// RefSize is the encoded size of a Ref in bytes.
const RefSize = 16 + 8 + 8

// Reference returns the Ref itself. Messages inherit it by embedding.
func (r Ref) Reference() Ref { return r }

func (r Ref) append(dst []byte) []byte {
	dst = append(dst, r.Migration[:]...)
	dst = codec.AppendUint64(dst, r.Origin)
	return codec.AppendUint64(dst, r.Epoch)
}

func (r *Ref) parse(c *codec.Cursor) {
	c.Fixed(r.Migration[:]) // 16 migration
	r.Origin = c.Uint64()   //  8 origin
	r.Epoch = c.Uint64()    //  8 epoch
}

// AppendRef appends migration 16 | origin 8 | epoch 8, as in a message.
func AppendRef(dst []byte, r Ref) []byte { return r.append(dst) }

// DecodeRef reads what AppendRef wrote.
func DecodeRef(c *codec.Cursor) (r Ref) {
	r.parse(c)
	return r
}

// appendAddrs appends a list of addresses, in the sender's order of preference.
func appendAddrs(dst []byte, addrs []string) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(addrs)))
	for _, a := range addrs {
		dst = codec.AppendString(dst, a)
	}
	return dst
}

// parseAddrs reads a list of addresses; an empty list is nil.
func parseAddrs(c *codec.Cursor) []string {
	n := c.Count(MaxAddrs, 2) // uvarint count; an address has a length and a byte
	if n == 0 {
		return nil
	}
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = parseText(c, MaxAddr) // address
		if addrs[i] == "" {
			c.Fail(ErrBadFrame)
		}
	}
	return addrs
}

// parseHandover reads a log entry that must be a handover of either kind, and is no longer than the longest: whoever has no use for
// it yet keeps it unread, and shows it in other messages, which have less room.
func parseHandover(c *codec.Cursor) crypto.CausalEvent {
	ev := crypto.DecodeEvent(c)
	switch {
	case c.Err() != nil:
	case ev.Kind == crypto.EventInput:
		c.Fail(ErrBadFrame)
	case len(ev.Payload) > crypto.MaxHandoverSize:
		c.Fail(ErrTooLarge)
	}
	return ev
}

// parseNode reads the id of a node.
func parseNode(c *codec.Cursor) (id crypto.NodeID) {
	c.Fixed(id[:])
	return id
}
