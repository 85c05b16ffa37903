package target

import "github.com/ferrymesh/ferry/crypto"

// How many applied events a record remembers, so that a duplicate which differs is recognized.
const (
	remembered     = 4096
	digestsPerPage = 128
)

// digests remembers the digests of the last applied events in a ring by sequence. Pages are allocated as
// they are reached, 4 KiB each, so that a short replay stays cheap and a long one allocates no more after
// the first 4,096 events. Not safe for concurrent use. The zero value remembers nothing.
//
// It stores no sequences: whoever asks must know that the one in question is among the last 4,096 and has
// been set.
type digests struct {
	pages [remembered / digestsPerPage]*[digestsPerPage]crypto.Digest
}

// set remembers the digest of the event at seq and forgets the one 4,096 before it.
func (d *digests) set(seq uint64, digest *crypto.Digest) {
	p := &d.pages[seq/digestsPerPage%uint64(len(d.pages))]
	if *p == nil {
		*p = new([digestsPerPage]crypto.Digest)
	}
	(*p)[seq%digestsPerPage] = *digest
}

// at returns what was set last for seq.
func (d *digests) at(seq uint64) crypto.Digest {
	return d.pages[seq/digestsPerPage%uint64(len(d.pages))][seq%digestsPerPage]
}
