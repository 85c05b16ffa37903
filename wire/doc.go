// Package wire is what ferry's nodes and clients say to each other: frames,
// messages and the vocabulary they share. docs/protocol.md is the normative text;
// comments cite its clauses.
//
// # Use
//
// A sender appends frames to a buffer of its own; a reader cuts frames off a
// stream and decodes them:
//
//	out = wire.AppendFrame(out[:0], &wire.Cancel{Ref: ref})
//
//	h, body, err := wire.ReadFrame(stream, body)
//	if err == nil && h.Subprotocol().Known() {
//		msg, err := wire.Decode(h, body)
//	}
//
// Every message is a pointer to a struct of this package. Who does not keep the
// events of a batch decodes it into one that is used again, with DecodeEvents.
//
// The vocabulary is Phase, Outcome, State, Attempt, MigrationID, Reason and
// Rights. Errors that callers match are the package's variables; they cross the
// wire as a Reason and come back as a *RemoteError that matches the same variable.
//
// # Guarantees
//
//   - One value, one encoding: whatever decodes encodes to the bytes it came from.
//   - Decoding never panics, and returns a *FrameError for whatever it refuses:
//     truncation, trailing bytes, integers that are not minimal, numbers that no
//     message may contain, text with control characters, weak keys.
//   - Nothing is allocated because a peer announced it. Counts are compared with
//     the bytes that are there, and a frame's buffer grows as the frame arrives.
//   - Decoding a body of n bytes allocates at most 32n bytes plus 4 KiB. The worst
//     case is a list of empty outputs, of which limits.go allows 1024 an event.
//   - Byte slices of a decoded message alias the body. Who keeps them copies them.
//
// Nothing here is safe for concurrent use while it is being written; everything is
// once it is not.
//
// # Frame
//
// Integers are big endian. Lengths and counts are minimal unsigned LEB128.
//
//	 0             1             2             3             4             5
//	+-------------+-------------+-------------+-------------+-------------+-------------+
//	| subprotocol | type        | length of the body, at most 1 MiB                     |
//	+-------------+-------------+-------------+-------------+-------------+-------------+
//	| body ...                                                                          |
//	+-----------------------------------------------------------------------------------+
//
// Frames of an unknown subprotocol are skipped whole, by their length.
//
// # Messages
//
// The bodies are in docs/protocol.md: in the clauses of 3.2 to 3.4 that the
// messages cite, and for those of the directory in the table of 3.9. Each parse
// method names the fields in their order. What is hashed and signed, such as an
// event or a head, is laid out in the documentation of package crypto.
package wire
