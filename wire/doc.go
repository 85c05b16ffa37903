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
// A number in the layout is a size in bytes. "bytes" and "text" stand for a length
// and as many bytes, "list" for a count and as many items, "event", "head", "genesis"
// and "certificate" for the canonical encodings of package crypto. The ref is migration 16, origin 8,
// epoch 8; an attempt is epoch 8, boot 8, count 8.
//
//	session
//	  01 Hello            list{subprotocol 1, min 2, max 2}, boot 8, name text, list{address text}
//	  02 SessionError     subject 2, origin 8, migration 16, reason 2, detail text
//
//	migration, each after its ref
//	  01 TakeSnapshot     target 32, list{address text}, blackout 8, stall 8, timeout 8, rate 8
//	  02 Prepare          entity 32, kind text, name text, orchestrator 32, through 8, size 8,
//	                      stop and copy 1, durability 1, directory 1
//	  03 PrepareOK        next key 32, credit events 8, credit bytes 8
//	  04 SnapshotReady    offset 8, last 1, data bytes
//	  05 BufferedEvents   list{event}
//	  06 RestoreComplete  head
//	  07 Progress         head, buffered 8, rate 8
//	  08 CutoverNotify    -
//	  09 Final            attempt, head
//	  0a Aborted          attempt
//	  0b ReplayComplete   attempt, head, signature 64
//	  0c ActivateTarget   attempt, handover event
//	  0d ActivateAck      head, epoch 8, signature 64
//	  0e CleanupComplete  outcome 1, stats 64
//	  0f Status           phase 1, in doubt 1, stats 64
//	  10 Cancel           -
//	  11 Ask              attempt
//	  12 Answer           state 1, boot 8, attempt, flag 1, handover event if the flag is set
//	  13 MigrationFailed  reason 2, detail text
//	  14 Promised         certificate 321
//	  15 Resume           serial 8, head
//	  16 ResumeAt         serial 8, head, offset 8
//
//	submission
//	  01 Open             origin 8, label text
//	  02 Opened           origin 8, label text, since 8, last 8, epoch 8, key 32
//	  03 Submit           origin 8, label text, since 8, list{sequence 8, payload bytes}
//	  04 Receipts         origin 8, label text, epoch 8, list{receipt}
//	  05 Refused          origin 8, label text, sequence 8, reason 2, detail text, retry after 8
//	  06 Moved            origin 8, label text, node 32, list{address text}, epoch 8, handover event
//	  07 Forward          ref, producer 32, since 8, list{sequence 8, payload bytes}
//	  08 Forwarded        ref, producer 32, first 8, list{receipt}, failed sequence 8, reason 2
//
//	  receipt             producer sequence 8, sequence 8, duplicate 1, list{output bytes}
//
//	directory, each after the number of the request, 8
//	  01 DirectoryLookup    origin 8
//	  02 DirectoryRegister  genesis, holder 32, list{address text}
//	  03 DirectoryClaim     migration 16, decision 1, certificate 321; to commit also hold signature 64,
//	                        list{address text}
//	  04 DirectoryForce     handover event, list{address text}
//	  05 DirectoryOutcome   origin 8, attempt
//	  06 DirectoryWatch     origin 8, epoch 8
//	  07 DirectoryEntry     entity 32, administrator 32, genesis digest 32, epoch 8, holder 32, key 32,
//	                        previous digest 32, head, list{address text}
//	  08 DirectoryDecided   attempt, decision 1; of a commit also migration 16, certificate 321
//	  09 DirectoryFailed    reason 2, detail text
package wire
