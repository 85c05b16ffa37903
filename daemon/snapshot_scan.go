package daemon

import (
	"io"

	"github.com/ferrymesh/ferry/crypto"
)

// ScanSnapshot reads the beginning of a snapshot and returns how many of its bytes can be kept, with the head that its header names:
// up to the end of the last chunk whose checksum is right, or all of it. A header that is not whole, or not right, leaves zero. What
// stops the reading makes no difference, since the rest of the snapshot comes from elsewhere.
func ScanSnapshot(r io.Reader) (crypto.Head, uint64) {
	s, err := ReadSnapshot(r)
	if err != nil {
		return crypto.Head{}, 0
	}
	good := s.state.src.n
	for !s.state.done {
		if s.state.next(); s.state.src.err != nil {
			break
		}
		good = s.state.src.n
	}
	return s.Head(), good
}
