// Package journal keeps what must outlive a node's process: which daemons it holds, at which epoch and with
// which key, their snapshots and the log since, what it has promised to hold, what it has handed over and to
// whom.
//
// There is one log per node, for all its daemons. Records are appended in memory and become durable in groups:
// one write and one sync serve everybody who waits ([Journal.Wait]). Who holds a daemon follows from the
// log alone ([State]): there is no second store that would have to change in the same instant.
//
// # Use
//
// Whoever asserts something appends first, waits, and then speaks:
//
//	at := j.Append(journal.Event{…})
//	if err := j.Wait(at); err != nil { … }
//	// acknowledge
//
// What is appended in one call survives a crash together or not at all, and a later Append never without the
// earlier ones. A new process reads [Journal.State], [Journal.OpenBase] and [Journal.Events], and then calls
// [Journal.Recovered]; no file that they lead to is deleted before. The node asks [Journal.Due] now and then and
// gives the copies it names a new base: [Journal.Spool], [Spool.Commit], Append.
//
// # Copies
//
// A [CopyID] names one stay of one daemon at this node: from its birth or its Prepare to its end here. A daemon
// that leaves and comes back has another copy, so that nothing of the earlier stay can be taken for the later.
//
// # Files
//
//	lock                   held while a process has the directory open
//	log/00000000.log …     segments of the log, preallocated, each with a header
//	copies/N-F.snapshot    base number F, of copy N, if it is larger than [MaxInline]
//	copies/N.part          the same while it is being written
//	closed                 where the log ends; there only while the journal is closed
//	*.new                  a segment, or closed, before it is complete
//
// A segment and the file closed get their names when they are complete and synced, and the folder is synced
// before anything rests on the name. So one that is found damaged was damaged later: no crash leaves that. A new
// base has another number than the old one, which is deleted when the record of the new one is durable.
//
// # Segments
//
// Integers are most significant byte first unless marked uvarint. A segment is a header and a sequence of groups:
//
//	+------------+---------+--------+-------+-------+-----+------+------+--------+
//	| "ferrylog" | version | number | group | first | max | size | salt | xxhash |
//	|     8      |  1 (=1) |   8    |   8   |   8   |  8  |  8   |  8   |   8    |
//	+------------+---------+--------+-------+-------+-----+------+------+--------+
//
// Number is that of the file's name, group the number of the first group in it, first the oldest segment that
// was needed when this one was begun, max the highest CopyID until then, size what the file is preallocated to.
// A group is what one write and one sync made durable:
//
//	+---------------+--------+--------+--------+---------+
//	| f1 67 72 70   | number | length | xxhash | records |
//	|      4        |   8    |   4    |   8    | length  |
//	+---------------+--------+--------+--------+---------+
//
// Groups are numbered without gaps, across segments. The checksum is of salt, number and length: whoever does
// not know the salt cannot put bytes into a payload that look like a group ([Config]). A record:
//
//	+---------+------+--------+--------+
//	| length  | type |  body  | xxhash |
//	| uvarint |  1   | length |   8    |
//	|         |      |   -1   |        |
//	+---------+------+--------+--------+
//
// The checksum is of all before it. The top bit of the type marks the last record of an Append. The bodies are
// in encode.go, and frozen by the vectors in testdata. The file closed is "ferryend", the last segment, the
// offset of its end and the number of the next group, 8 bytes each, and their xxhash.
//
// # Damage
//
// A group that is damaged is torn if nothing follows it, which is what a crash in the middle of a write
// leaves: the Appends in front of the tear stand, and the rest is cut off, since nobody was told of it. If a
// group with a higher number follows, in this segment or another, the damaged one had been synced: that is
// damage, and the journal does not open ([DamageError]). For that, a group is synced before the next is written.
// It is damage too if a segment is missing or not the one it should be, or if a record contradicts those before
// it. After an orderly Close the file closed says where the log ended, and any other end is damage: [Open]
// deletes the file, durably, before anything is written. Without Close, the loss of synced groups at the
// very end cannot be told from a crash.
//
// A sync that fails may leave in the system's cache what never comes to the disk, and no later sync is about it. It
// ends the process, and what it was about is written again by the next one: the last group by Open, since every other
// was synced before the next was written; the beginning of a base by the reader of [Journal.Resume].
//
// A base is checked when it is read, and not by Open, so that one that is damaged keeps no other daemon from
// being served. [Verify] reads everything.
//
// # Bounds
//
// A full segment is followed by another. What must stay of those beyond the limit is restated by the journal
// itself in a new one: the row of each copy with all that [Copy] shows, small bases included, and tombstones.
// A handover entry is part of the row, and stays as long as the copy or its tombstone. Events are not restated:
// copies that have some behind their base in those segments are Due. A segment is deleted, oldest first, when
// nothing lives in it and a record that says so is durable.
//
// With S = [Config].SegmentSize, R the size of all rows (about 2 KiB for each copy and tombstone, and the small
// bases), and A the largest Append, the log has at most L = max([Config].MaxSegments, 2·R/S + 2) segments and takes
//
//	(L + 1)·S + 2·R + A
//
// bytes of disk, as long as a copy that is Due gets its base before the next segment is full; one that does not
// keeps everything since its oldest event. R/S enters because restating must leave half of each segment for what is new.
// The bases take their own size, and while one is replaced that of the new one.
//
// In memory the journal keeps the rows, small bases included, and what waits to be written. While it is being
// read, until Recovered, it also keeps 32 bytes for each event behind a base.
//
// # Limits
//
// There is no goroutine, clock, logger or random source in this package, and only the disk of [NewDisk] touches
// the system: on a [Disk] in memory a run can be repeated. One process has a directory at a time. Checksums are
// against accidents; whoever can write to the directory can write anything.
package journal
