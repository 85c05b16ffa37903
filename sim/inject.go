package sim

import (
	"slices"

	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

// Sessions lists the sessions that a node has with another, oldest first.
func (n *Node) Sessions(with *Node) (list []node.SessionID) {
	for id, e := range n.life.ends {
		if e.other.life.Node == with {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Say has a node receive a message from another over their oldest session, whatever the other would say
// itself. It reports false if they have none.
func (n *Node) Say(from *Node, msg wire.Message) bool {
	frame := wire.AppendFrame(nil, msg)
	h, err := wire.ParseHeader(frame)
	if err != nil {
		n.c.Failf("%s cannot be said: %v", msg.Type(), err)
		return false
	}
	return n.SayRaw(from, h, frame[len(frame)-h.Length:])
}

// SayRaw is Say with the bytes of a frame.
func (n *Node) SayRaw(from *Node, h wire.Header, body []byte) bool {
	ids := n.Sessions(from)
	if len(ids) == 0 {
		return false
	}
	n.Inject(node.Frame{Session: ids[0], Header: h, Body: body})
	return true
}
