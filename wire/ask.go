package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Ask asks a node what it knows of a daemon's authority (protocol.md §3.3.17).
// Attempt is the one the asker holds, or zero.
type Ask struct {
	Ref
	Attempt Attempt
}

// Type returns TypeAsk.
func (*Ask) Type() Type { return TypeAsk }

func (m *Ask) append(dst []byte) []byte {
	return crypto.AppendAttempt(m.Ref.append(dst), m.Attempt)
}

func (m *Ask) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
}

// Answer answers an Ask (protocol.md §3.3.18). It speaks of the attempt that the
// Ask named and of lower ones, never of a higher one: on its way it may be
// overtaken by the Final of the next attempt. The boot counter tells the asker
// whether the node has restarted since it last spoke.
type Answer struct {
	Ref
	State       State
	Boot        uint64  // the answering node's durable boot counter
	Attempt     Attempt // the attempt that the Ask named
	HasHandover bool    // must be set with StateReleased
	Handover    crypto.CausalEvent
}

// Type returns TypeAnswer.
func (*Answer) Type() Type { return TypeAnswer }

func (m *Answer) append(dst []byte) []byte {
	dst = append(m.Ref.append(dst), byte(m.State))
	dst = codec.AppendUint64(dst, m.Boot)
	dst = crypto.AppendAttempt(dst, m.Attempt)
	dst = codec.AppendBool(dst, m.HasHandover)
	if m.HasHandover {
		dst = crypto.AppendEvent(dst, m.Handover)
	}
	return dst
}

func (m *Answer) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.State = parseState(c)             //  1 state
	m.Boot = c.Uint64()                 //  8 boot counter
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
	m.HasHandover = c.Bool()            //  1 whether a handover follows
	if m.HasHandover {
		m.Handover = parseHandover(c) // event
	} else if m.State == StateReleased {
		c.Fail(ErrBadFrame)
	}
}
