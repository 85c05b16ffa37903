package subproto

import "github.com/ferrymesh/ferry/wire"

// Channel is the kind of stream that a message travels on, so that no kind of traffic waits behind
// another's flow control (protocol §3.7.1).
type Channel uint8

// The channels.
const (
	Control Channel = iota // one stream per session
	Submit                 // one stream per session
	Events                 // one stream per migration, from source to target
	Copy                   // one stream per migration, from source to target: the snapshot
)

// ChannelOf returns the channel of a message type.
func ChannelOf(t wire.Type) Channel {
	switch {
	case t == wire.TypeSnapshotReady:
		return Copy
	case t == wire.TypeBufferedEvents:
		return Events
	case t == wire.TypeForward, t == wire.TypeForwarded:
		return Control
	case t.Subprotocol() == wire.SubSubmission:
		return Submit
	}
	return Control
}
