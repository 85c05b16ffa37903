package journal_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/ferrymesh/ferry/journal"
)

// arrivalOf is the snapshot that comes for a copy, from wherever it is continued.
func arrivalOf(id journal.CopyID) []byte {
	b := make([]byte, journal.MaxInline+10_000)
	_, _ = rand.NewChaCha8([32]byte{byte(id), byte(id >> 8)}).Read(b)
	return b
}

// arrive lets some more of a copy's first base come in, behind what an earlier call or process has left.
func (s *storm) arrive(e *modelCopy) {
	content := arrivalOf(e.row.ID)
	sp, b, err := s.more(e, content)
	s.note("arrival of %d: %v", e.row.ID, err)
	switch {
	case errors.Is(err, io.ErrShortWrite), errors.Is(err, journal.ErrDiskFull), errors.Is(err, journal.ErrSync):
		if sp != nil {
			_ = sp.Keep()
		}
	case err != nil:
		s.fail("arrival: %v", err)
	case b.Digest != sha256.Sum256(content):
		s.fail("the digest of a base that has come in is wrong")
	default:
		s.add(content, b)
	}
}

// more continues a base. One that has not come to its end is io.ErrShortWrite.
func (s *storm) more(e *modelCopy, content []byte) (*journal.Spool, journal.Base, error) {
	sp, r, err := s.j.Resume(e.row.ID)
	if err != nil {
		return nil, journal.Base{}, err
	}
	left, err := io.ReadAll(r)
	if err != nil {
		return sp, journal.Base{}, err
	}
	good := 0
	for good < len(left) && left[good] == content[good] {
		good++
	}
	if err := sp.Truncate(int64(good)); err != nil {
		return sp, journal.Base{}, err
	}
	end := min(len(content), good+s.rng.IntN(len(content)))
	for part := range slices.Chunk(content[good:end], 20_000) {
		if _, err := sp.Write(part); err != nil {
			return sp, journal.Base{}, err
		}
	}
	if end < len(content) {
		return sp, journal.Base{}, io.ErrShortWrite
	}
	b, err := sp.Commit(e.chain.head)
	return sp, b, err
}
