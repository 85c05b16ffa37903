// Package crypto is everything in ferry that is hashed or signed: keys and key
// files, the hash-linked log of a daemon, and the proofs of where it has been.
//
// # Nouns
//
// A daemon is known by its [EntityID], the ed25519 key it was born with, and
// routed by its origin ([OriginOf]), a short handle. Its log is a chain of
// [CausalEvent] values: each names its predecessor's digest in its
// [CausalLink]. A [Head] commits to the log up to one entry and to the outputs
// so far. Entry 0 is the [Genesis]; an entry that moves the daemon to another
// node is a [Handover]; genesis and handovers in order are its [Passport]. The
// number of holders so far is the epoch, and each epoch signs with another key,
// which the handover that opened it certifies.
//
// # Use
//
// A log grows by asking the head, then moving it:
//
//	if err := head.CheckLink(ev.Link); err != nil {
//		return err // ErrOrigin, ErrGap or ErrParent
//	}
//	head = head.Append(ev, outputs)
//
// A handover is signed by the holder and checked by everyone:
//
//	ev, h, err := crypto.SignHandover(key, crypto.Handover{…})
//	h, err := crypto.ParseHandover(ev, passport.Key())
//	passport, err = passport.Append(h)
//
// If a directory decides about handovers, source and target sign a half each:
// the source before the decision, the target after it. The entry is parsed and
// appended like any other:
//
//	cert, err := crypto.SignFreezeCert(key, crypto.FreezeCert{…})
//	ev, h, err := crypto.Accept(next, cert)
//
// # Guarantees
//
//   - One encoding. Each value has exactly one, used for hashing, signing,
//     sending and storing, and nothing else decodes to it.
//   - One purpose. Whatever is hashed or signed begins with a tag of its own,
//     see [Domain]: a signature of one kind of statement verifies as no other.
//   - No weak keys. Points of small order, second spellings of points and
//     bytes that are no point are refused wherever a key is decoded, and
//     verify nothing where they are not.
//   - Seeds only. Of a private key nothing but the 32-byte seed is stored or
//     read; the public half is rebuilt and compared.
//   - Quiet secrets. Key pairs do not print, compare with == or marshal.
//     Wiping zeroes the memory this package holds; copies the Go runtime or
//     the standard library may have made are out of its reach.
//   - Checked before used. [ParseHandover] verifies before it returns; only
//     [UnverifiedHandover] does not, and says so. ([ParseDecided] is given a
//     certificate that has been verified.) Proofs verify with nothing but
//     themselves.
//
// # Limits
//
// Payloads have at most [MaxPayload] bytes, kinds [MaxKind], passports
// [MaxHandovers] handovers. Sequences end at 2⁶⁴-1 and never wrap. A malicious
// holder can sign two contradicting handovers; that is not prevented here but
// made evident, see [FindFork]. A directory's decision is not in the entry that it
// allows: whoever has both halves can make the entry of an aborted attempt too,
// and must not. Times in handovers are the signer's claim.
//
// Hashes are SHA-256 because chain steps are short: with the SHA instructions
// of current processors it takes about half the time of BLAKE3 on a few
// hundred bytes, and needs neither allocation nor dependency. The origin is
// taken from BLAKE2b-256. Nothing here reads a clock; only the Generate and
// Create functions read the random source and only the Load, Save and Create
// functions touch files. Values are safe for concurrent use unless they say
// otherwise.
//
// # Byte layouts
//
// Integers are most significant byte first, unless marked uvarint (package
// codec). An event, hashed under "ferry/v1/hash/event":
//
//	+--------+----------+-----------+------+-------------+--------------+---------+---------+
//	| origin | sequence |  parent   | kind |  producer   | producer seq | length  | payload |
//	|   8    |    8     |    32     |  1   |     32      |      8       | uvarint |         |
//	+--------+----------+-----------+------+-------------+--------------+---------+---------+
//
// A head is origin 8, sequence 8, digest 32, outputs 32. Its outputs digest
// after an event with outputs is the hash of the one before, the sequence 8,
// the count (uvarint), and each output with its length (uvarint).
//
// A genesis is entity 32, administrator 32, kind length (uvarint) and kind,
// signature 64. A handover, which is also the payload of its log entry:
//
//	+------+------+----+-------+------+------+--------------+----------+------+-----------+
//	| form | from | to | epoch | head | next | snapshot seq | previous | time | signature |
//	|  1   |  32  | 32 |   8   |  80  |  32  |      8       |    32    |  8   |    64     |
//	+------+------+----+-------+------+------+--------------+----------+------+-----------+
//
// Form 1 is signed by the ending epoch's key, form 2 by the administrator's.
// Statements, that is all but the signature, are what is signed and what
// digests are made of. Form 3 is what a directory decided:
//
//	+------+------+----+-------+------+------+--------------+----------+------+
//	| form | from | to | epoch | head | next | snapshot seq | previous | time |
//	|  1   |  32  | 32 |   8   |  80  |  32  |      8       |    32    |  8   |
//	+------+------+----+-------+------+------+--------------+----------+------+
//	| attempt: epoch | boot | count | signature | acceptance |
//	|       8        |  8   |   8   |    64     |     64     |
//	+----------------+------+-------+-----------+------------+
//
// All but the acceptance is a freeze certificate, 321 bytes; all but both
// signatures is its statement, signed by the ending epoch's key under
// "ferry/v1/freeze". The acceptance is the signature, by the key in next and
// under "ferry/v1/accept", of the statement's digest, which is hashed under
// "ferry/v1/hash/handover" like that of every handover. A passport:
//
//	+------------+---------+---------+---------+----------------------------+
//	| "ferrypas" | version | genesis |  count  |      count handovers       |
//	|     8      |  1 (=1) |         |    4    | 297 each, 385 if of form 3 |
//	+------------+---------+---------+---------+----------------------------+
//
// A signed head is head 80, epoch 8, signature 64. A fork's evidence is
// "ferryfrk", version 1, and two passports. Key files are OpenSSH's format.
package crypto
