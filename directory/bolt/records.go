package bolt

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/directory"
)

// The buckets and the key of the meta record. Frozen.
var (
	bucketMeta  = []byte("meta")
	bucketRows  = []byte("rows")  // origin 8
	bucketMoves = []byte("moves") // origin 8 | epoch 8
	keyMeta     = []byte("meta")
)

// format is the version of everything in the file.
const format = 1

// meta is about the file as a whole. With the counts, a record that damage has
// hidden is missed when the file is opened.
type meta struct {
	generation  uint64 // restores from a backup
	recovering  bool
	rows, moves uint64
}

func (m *meta) put(tx *bbolt.Tx) error {
	b := codec.AppendBool(codec.AppendUint64([]byte{format}, m.generation), m.recovering)
	b = codec.AppendUint64(codec.AppendUint64(b, m.rows), m.moves)
	return tx.Bucket(bucketMeta).Put(keyMeta, codec.AppendUint64(b, xxhash.Sum64(b)))
}

func getMeta(tx *bbolt.Tx) (m meta, err error) {
	b := tx.Bucket(bucketMeta).Get(keyMeta)
	c := codec.NewCursor(b)
	if v := c.Uint8(); c.Err() == nil && v != format {
		return m, fmt.Errorf("bolt: the file has format %d, this program reads %d", v, format)
	}
	m = meta{generation: c.Uint64(), recovering: c.Bool(), rows: c.Uint64(), moves: c.Uint64()}
	sum := c.Uint64()
	if err := c.Finish(); err != nil {
		return m, fmt.Errorf("%w: meta record: %w", directory.ErrDamaged, err)
	}
	if sum != xxhash.Sum64(b[:len(b)-8]) {
		return m, fmt.Errorf("%w: meta record has another checksum", directory.ErrDamaged)
	}
	return m, nil
}

// begin verifies the file, or lays it out, and begins a recovery if asked to.
func (f *file) begin(recovering bool) error {
	err := f.db.Update(func(tx *bbolt.Tx) error {
		fresh, err := layOut(tx)
		if err != nil {
			return err
		}
		if !fresh {
			if f.meta, err = getMeta(tx); err != nil {
				return err
			}
			if err := f.meta.verify(tx); err != nil {
				return err
			}
		}
		if recovering && !f.meta.recovering {
			f.meta.recovering = true
			f.meta.generation++
		}
		return f.meta.put(tx)
	})
	f.recovering.Store(f.meta.recovering)
	if err != nil {
		return err
	}
	return f.checkTrees()
}

// layOut makes the buckets of a new file.
func layOut(tx *bbolt.Tx) (fresh bool, err error) {
	if tx.Bucket(bucketMeta) != nil {
		if tx.Bucket(bucketRows) == nil || tx.Bucket(bucketMoves) == nil {
			return false, fmt.Errorf("%w: a bucket is missing", directory.ErrDamaged)
		}
		return false, nil
	}
	if name, _ := tx.Cursor().First(); name != nil {
		return false, fmt.Errorf("bolt: the file is no directory: it has a bucket %q", name)
	}
	for _, name := range [][]byte{bucketMeta, bucketRows, bucketMoves} {
		if _, err := tx.CreateBucket(name); err != nil {
			return false, err
		}
	}
	return true, nil
}

// verify reads every record.
func (m *meta) verify(tx *bbolt.Tx) error {
	rows, moves := uint64(0), uint64(0)
	err := tx.Bucket(bucketRows).ForEach(func(k, v []byte) error {
		rows++
		if len(k) != 8 {
			return fmt.Errorf("%w: row with a key of %d bytes", directory.ErrDamaged, len(k))
		}
		row, err := directory.DecodeRow(v, binary.BigEndian.Uint64(k))
		if err != nil {
			return err
		}
		if move, err := (reader{tx, row.Origin()}).Move(row.Epoch); err != nil || move == nil {
			return fmt.Errorf("%w: no record of the beginning of epoch %d: %v", directory.ErrDamaged, row.Epoch, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(bucketMoves).ForEach(func(k, v []byte) error {
		moves++
		if len(k) != 16 {
			return fmt.Errorf("%w: move with a key of %d bytes", directory.ErrDamaged, len(k))
		}
		_, err := directory.DecodeMove(v, binary.BigEndian.Uint64(k), binary.BigEndian.Uint64(k[8:]))
		return err
	})
	if err == nil && (rows != m.rows || moves != m.moves) {
		err = fmt.Errorf("%w: %d rows and %d moves, want %d and %d", directory.ErrDamaged, rows, moves, m.rows, m.moves)
	}
	return err
}

// checkTrees verifies the order of the keys and that no page is lost, which a later
// write would turn into lost records.
func (f *file) checkTrees() error {
	return f.db.View(func(tx *bbolt.Tx) error {
		var first error
		for err := range tx.Check() { // to the end: its goroutine has to finish
			if first == nil {
				first = fmt.Errorf("%w: %w", directory.ErrDamaged, err)
			}
		}
		return first
	})
}

// recovered ends the recovery in the file.
func (f *file) recovered() error {
	if f.failed.Load() {
		return ErrFailed
	}
	err := f.update(func(_ *bbolt.Tx, m *meta) (bool, error) {
		changed := m.recovering
		m.recovering = false
		return changed, nil
	})
	if err == nil {
		f.recovering.Store(false)
	}
	return err
}

// write applies a change.
func write(tx *bbolt.Tx, m *meta, origin uint64, change *directory.Change) error {
	rows, moves := tx.Bucket(bucketRows), tx.Bucket(bucketMoves)
	key := binary.BigEndian.AppendUint64(nil, origin)
	if rows.Get(key) == nil {
		m.rows++
	}
	if err := rows.Put(key, directory.AppendRow(nil, change.Row)); err != nil {
		return err
	}
	for _, move := range change.Moves {
		if err := moves.Put(binary.BigEndian.AppendUint64(key[:8:8], move.Epoch), directory.AppendMove(nil, move)); err != nil {
			return err
		}
		m.moves++
	}
	return nil
}

// reader is the directory.Reader of one transaction.
type reader struct {
	tx     *bbolt.Tx
	origin uint64
}

// Row implements directory.Reader.
func (r reader) Row() (*directory.Row, error) {
	b := r.tx.Bucket(bucketRows).Get(binary.BigEndian.AppendUint64(nil, r.origin))
	if b == nil {
		return nil, nil
	}
	return directory.DecodeRow(b, r.origin)
}

// Move implements directory.Reader.
func (r reader) Move(epoch uint64) (*directory.Move, error) {
	key := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, r.origin), epoch)
	b := r.tx.Bucket(bucketMoves).Get(key)
	if b == nil {
		return nil, nil
	}
	return directory.DecodeMove(b, r.origin, epoch)
}
