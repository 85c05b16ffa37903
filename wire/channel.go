package wire

import "fmt"

// Channel is the kind of stream that a message travels on, so that no traffic
// waits behind another's flow control (protocol.md §3.7.1). Frames of one stream
// arrive in the order in which they were sent; nothing orders two streams with
// respect to each other. The numbers are the first byte of every stream: frozen.
type Channel uint8

// The channels.
const (
	ChannelControl  Channel = 1 // requests and answers; one stream for each session
	ChannelSubmit   Channel = 2 // submissions and receipts; one stream for each session
	ChannelEvents   Channel = 3 // the events of one migration, source to target
	ChannelSnapshot Channel = 4 // one snapshot in SnapshotReady frames, source to target
)

// String returns the name of the channel, or its number.
func (c Channel) String() string {
	switch c {
	case ChannelControl:
		return "control"
	case ChannelSubmit:
		return "submit"
	case ChannelEvents:
		return "events"
	case ChannelSnapshot:
		return "snapshot"
	}
	return fmt.Sprintf("channel %d", uint8(c))
}

// Channel returns the channel that messages of the type travel on.
func (t Type) Channel() Channel {
	switch {
	case t == TypeSnapshotReady:
		return ChannelSnapshot
	case t == TypeBufferedEvents:
		return ChannelEvents
	case t == TypeForward, t == TypeForwarded:
		return ChannelControl
	case t.Subprotocol() == SubSubmission:
		return ChannelSubmit
	}
	return ChannelControl
}
