// Package daemon is what runs and where it is kept: the Daemon that a program
// supplies, the Host that gives it a log and an identity, the Snapshot in which
// it travels, the Registry that finds it and the Factories that build it anew.
//
// # Use
//
//	host, err := daemon.NewHost(d, key, "counter", daemon.HostConfig{})
//	receipt, err := host.Submit(producer, 1, payload)
//
// A move, seen from here, leaves the sending host serving until its last step,
// and keeps the receiving one dark until its last step:
//
//	snap, err := source.Snapshot()                // between two events
//	snap.WriteTo(stream)                          // while the source serves on
//	read, err := daemon.ReadSnapshot(stream)
//	target, err := daemon.Restore(read, d, nextKey, cfg)
//	target.Replay(ev)                             // every event since, in order
//	source.Freeze()
//	ev, err := source.HandOver(from, to, next)    // the log's next entry: final
//	target.Replay(ev)
//	target.Activate(to)                           // serves at the new epoch
//	source.Retire()
//
// # States
//
// A host is in one state, and the state alone says what it may do:
//
//	             serving  frozen     moved     retired   dark       arrived      ended
//	Submit       yes      ErrFrozen  ErrMoved  ErrMoved  NotReady   NotReady     NotFound
//	Inspect      yes      ErrFrozen  ErrMoved  ErrMoved  NotReady   NotReady     NotFound
//	Snapshot     yes      yes        ErrMoved  ErrMoved  NotReady   NotReady     NotFound
//	SignedHead   yes      yes        ErrMoved  ErrMoved  NotReady   NotReady     NotFound
//	Freeze       yes      as before  ErrMoved  ErrMoved  NotReady   NotReady     NotFound
//	Thaw         nothing  yes        (1)       (1)       NotReady   NotReady     NotFound
//	HandOver     yes      yes        (2)       ErrMoved  NotReady   NotReady     NotFound
//	Replay       Phase    Phase      Phase     Phase     yes        ErrDiverged  Phase
//	Activate     (3)      (3)        ErrMoved  ErrMoved  (4)        yes          NotFound
//	Retire       nothing  nothing    yes       nothing   nothing    nothing      nothing
//	End          yes      Phase      Phase     Phase     yes        Phase        nothing
//
// NotReady is wire.ErrNotReady, which wire.ErrFrozen matches too; Phase is
// wire.ErrWrongPhase, NotFound wire.ErrDaemonNotFound. (1) ErrMoved and ErrWrongPhase. (2) The same entry for
// the same arguments, else ErrMoved and ErrWrongPhase. (3) Nothing if it came
// by that handover, ErrWrongPeer if by another's, ErrWrongPhase if it was born
// here. (4) wire.ErrNoHandover. SubmitBatch and OpenProducer are as Submit.
// Sign is as SignedHead, but a dark host may sign its ReplayComplete.
//
// # Guarantees
//
// An event is applied once for each producer and number, here and on every
// later holder: the producer table travels in the snapshot, and grows by replay
// exactly as it grew at the source. Process runs for an event that follows the
// head, or not at all; when it fails nothing is recorded. A host that handed
// its daemon over never applies or answers again. A snapshot that was cut or
// altered anywhere never becomes a host.
//
// Head, Epoch, Passport and the state answer at once however slow the daemon
// is. Everything else waits for the event being applied.
//
// # Ownership
//
// A payload stays the submitter's: Host and Daemon read it during the call and
// keep no reference, and the receipt's event shows the same slice. Outputs
// belong to whoever gets the receipt; the Host has made its own copy of what it
// keeps. Daemon and key belong to the host.
//
// # Limits
//
// Payload wire.MaxPayload, outputs of one event wire.MaxOutputs in at most
// wire.MaxOutputCount pieces, of one batch MaxBatchOutputs. A host remembers
// MaxProducers producers with ProducerWindow submissions each, at 48 bytes a
// submission, and MaxKeptOutputs of outputs: at most 32 MiB and twice
// MaxKeptOutputs. An idle host that never moved takes less than 1 KiB beside
// the daemon; tables are allocated with the first event. A log ends at
// sequence 2⁶⁴-1, and that last one is kept for a handover.
//
// # Snapshot layout
//
// Integers are big endian, uvarints canonical (package codec).
//
//	┌──────────┬──────────────────────────────────────────────────────────────┐
//	│ magic    │ 8   "FERRYSNP"                                               │
//	│ version  │ 2   1                                                        │
//	├──────────┼──────────────────────────────────────────────────────────────┤
//	│ entity   │ 32                                                           │
//	│ kind     │ uvarint length ≤ 64, bytes                                   │
//	│ name     │ uvarint length ≤ 64, bytes                                   │
//	│ epoch    │ 8                                                            │
//	│ head     │ 80  origin 8, sequence 8, digest 32, outputs 32              │
//	│ passport │     as crypto.Passport writes it                             │
//	│ horizon  │ 8   highest last sequence of an evicted producer, else 0     │
//	│ count    │ uvarint ≤ 10,000; below that only if horizon is 0            │
//	│ producer │ count times, by strictly ascending last sequence:            │
//	│          │   id 32                                                      │
//	│          │   n 1, from 1 to 64                                          │
//	│          │   n times, by ascending number and sequence:                 │
//	│          │     number 8, sequence 8, parent 32                          │
//	│          │   uvarint length of the outputs of the newest, 0 if none     │
//	│          │   are kept; uvarint count, each: uvarint length, bytes       │
//	│ check    │ 8   xxhash64 of everything before it                         │
//	├──────────┼──────────────────────────────────────────────────────────────┤
//	│ chunk    │ any number of times:                                         │
//	│          │   uvarint length: 262,144 in all but the last, never 0       │
//	│          │   xxhash64 of the bytes 8                                    │
//	│          │   bytes                                                      │
//	├──────────┼──────────────────────────────────────────────────────────────┤
//	│ end      │ 1   0                                                        │
//	│ total    │ 8   bytes before this field                                  │
//	│ digest   │ 32  SHA-256 of everything before it                          │
//	└──────────┴──────────────────────────────────────────────────────────────┘
//
// Header, chunks and trailer are each verified before anything is done with
// them. The checksums find accidents early; the digest finds the rest, except
// for a sender that lies from the start, whom the signed handover, naming the
// head, convicts at the cutover.
package daemon
