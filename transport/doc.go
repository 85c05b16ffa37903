// Package transport connects nodes: authenticated sessions over QUIC, the
// streams of each, and a twin of all that inside one process. It is the only
// package that knows quic-go.
//
// # Words
//
// A Network is one node's attachment. A session is a live connection to one
// peer, whose identity its own handshake has proved. A session carries two
// streams of frames both ways, control and submit, which live as long as it
// does, and two sorts of one-way streams per migration, from source to target:
// events, which carry frames, and snapshots, which carry bytes.
//
// # Use
//
//	n, err := transport.ListenQUIC(transport.Config{
//		Key:       key,
//		Listen:    "[::]:7777",
//		Authorize: known.Rights,
//	}, receiver)
//	id, err := n.Dial(ctx, peer, addrs)  // receiver.SessionUp has been called
//	err = n.Send(id, transport.ChannelControl, wire.MigrationID{}, frame)
//
// Everything that arrives, the end of a session included, comes through the
// Receiver. A Hub gives out Networks for tests that behave alike, and can cut
// links and look at every frame.
//
// # Guarantees
//
//   - A session's peer holds the private key of its NodeID, and a dialed peer is
//     the one that was asked for; otherwise there is no session. Nothing is
//     trusted on first use, resumed from an earlier connection, or sent before
//     the handshake is over.
//   - SessionUp, then frames, then SessionDown, each session exactly once, and
//     SessionDown after the last frame's call has returned.
//   - Frames of one stream arrive whole and in order or the session ends. What
//     was queued or on its way when a session ends may be lost: the layers above
//     retry.
//   - A snapshot's reader sees io.EOF only if it has read everything.
//   - Send and CloseEvents never block. A Receiver that blocks holds up the one
//     stream it was called for.
//   - After Close no goroutine is left and no call into the Receiver is running.
//
// # Limits
//
// Nothing a peer does makes a node hold more than this; Config has the figures
// and their defaults:
//
//	anyone         handshakes under way, connections, 5 s from the first packet
//	               to the hello; above a rate per address prefix, or over all of
//	               them, callers must first prove their address (Retry)
//	unknown node   nothing; it is told what its operator can do, and the last 64
//	               are listed by Pending
//	known node     8 sessions, those without a hello included; 64 MiB of frames
//	               that have begun to arrive
//	each session   two streams both ways, 128 one-way streams; 4 to 8 MiB that
//	               were received and not read, growth beyond 4 MiB from a budget
//	               over all sessions; 8 MiB queued per stream, 32 MiB in all
//
// A peer that does not read is disconnected when its queue is full. One that
// falls silent is disconnected after IdleTimeout. One that breaks a rule of
// streams or frames is told which, and disconnected. A one-way stream of which
// nothing comes for 5 s is refused, and nothing else ends by it.
//
// Streams of a session share its receive window. A stream starts with 64 KiB of
// it, so 64 streams that were never read leave room for the rest; a few streams
// that ran fast, grew to 4 MiB each, and then stalled do not, and hold up the
// whole session until somebody reads. Whoever takes a snapshot must therefore
// read it or close it.
//
// # On the wire
//
// ALPN "ferry/1", TLS 1.3, both sides with exactly one self-signed ed25519
// certificate. Every stream begins with a header:
//
//	+-----------+-----------------------+-----------------+-----------------+
//	| channel 1 | migration 16          | origin 8        | epoch 8         |
//	+-----------+-----------------------+-----------------+-----------------+
//	             `---------- events (3) and snapshot (4) only -------------'
//
// followed by frames of package wire. The dialer opens control (1) and submit
// (2) at once; the acceptor answers with the single byte 1 on the control
// stream, which is when the session is up on both sides. Every migration frame
// on an event stream names the stream's own migration, origin and epoch. A
// snapshot stream holds SnapshotReady frames at contiguous offsets, the last one
// marked, and ends right after it. A connection that is ended on purpose says
// why with a Code and a line of text.
package transport
