package wire

import (
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Refused answers Open or Submit when a submission was not applied (protocol.md
// §3.4.5). Everything in the frame from Seq on was left alone.
type Refused struct {
	Origin     uint64
	Label      string
	Seq        uint64 // the first submission refused, 0 for an Open
	Reason     Reason
	Detail     string
	RetryAfter time.Duration // how long to wait before a retry, 0 if the node cannot say
}

// Type returns TypeRefused.
func (*Refused) Type() Type { return TypeRefused }

// Err returns the refusal as an error that matches the error of its reason.
func (m *Refused) Err() error { return &RemoteError{m.Reason, m.Detail} }

func (m *Refused) append(dst []byte) []byte {
	dst = codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
	dst = codec.AppendUint64(dst, m.Seq)
	dst = codec.AppendUint16(dst, uint16(m.Reason))
	dst = appendDetail(dst, m.Detail)
	return appendDuration(dst, m.RetryAfter)
}

func (m *Refused) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()              // 8 origin
	m.Label = parseText(c, MaxLabel)   // label
	m.Seq = c.Uint64()                 // 8 first sequence refused
	m.Reason = parseReason(c)          // 2 reason
	m.Detail = parseText(c, MaxDetail) // detail
	m.RetryAfter = parseDuration(c)    // 8 retry after, ns
}

// Moved answers Open or Submit for a daemon that was handed over (protocol.md
// §3.4.6). The client believes the handover, not the sender.
type Moved struct {
	Origin   uint64
	Label    string
	Node     crypto.NodeID // the new holder
	Addrs    []string      // where it can be dialed, best first
	Epoch    uint64        // the new epoch
	Handover crypto.CausalEvent
}

// Type returns TypeMoved.
func (*Moved) Type() Type { return TypeMoved }

func (m *Moved) append(dst []byte) []byte {
	dst = codec.AppendString(codec.AppendUint64(dst, m.Origin), m.Label)
	dst = append(dst, m.Node[:]...)
	dst = appendAddrs(dst, m.Addrs)
	dst = codec.AppendUint64(dst, m.Epoch)
	return crypto.AppendEvent(dst, m.Handover)
}

func (m *Moved) parse(c *codec.Cursor) {
	m.Origin = c.Uint64()            //  8 origin
	m.Label = parseText(c, MaxLabel) // label
	m.Node = parseNode(c)            // 32 new holder
	m.Addrs = parseAddrs(c)          // list of addresses
	m.Epoch = c.Uint64()             //  8 new epoch
	m.Handover = parseHandover(c)    // event
}
