package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/ferrymesh/ferry/directory"
)

// The layout of bbolt's two meta pages, in the byte order of the machine:
//
//	page header 16 | magic 4 | … | transaction 8 at 48 | FNV-1a of these 56 bytes
const (
	metaAt     = 16
	metaTx     = 48
	metaSum    = 56
	metaLength = 64
)

// checkMetaPages refuses a file in which one of the two meta pages is damaged.
// bbolt itself would go on from the other one, which is the state before the
// last transaction: a decision would be forgotten without a trace. A crash does
// not leave that behind, because the bytes of one meta are in one sector.
func checkMetaPages(file io.ReaderAt, pageSize int) error {
	var tx [2]uint64
	for i := range tx {
		b := make([]byte, metaLength)
		if _, err := file.ReadAt(b, int64(i*pageSize+metaAt)); err != nil {
			return fmt.Errorf("%w: meta page %d: %w", directory.ErrDamaged, i, err)
		}
		sum := fnv.New64a()
		sum.Write(b[:metaSum]) // a hash never fails
		if binary.NativeEndian.Uint64(b[metaSum:]) != sum.Sum64() {
			return fmt.Errorf("%w: meta page %d; the last decision may be lost, so open it for recovery", directory.ErrDamaged, i)
		}
		tx[i] = binary.NativeEndian.Uint64(b[metaTx:])
	}
	if tx[0] != tx[1]+1 && tx[1] != tx[0]+1 {
		return fmt.Errorf("%w: meta pages of transactions %d and %d", directory.ErrDamaged, tx[0], tx[1])
	}
	return nil
}
