package directory

import (
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Row is all that decides about one daemon. Its size is bounded, however often
// the daemon moves.
type Row struct {
	Entry
	// Aborted is the highest attempt of Epoch that was aborted, zero for none.
	// Lower ones are over as well.
	Aborted wire.Attempt
	// Generation counts the restores from a backup after which the row was
	// confirmed by its holder.
	Generation uint64
}

// Move is the record of one epoch's beginning. It never changes.
type Move struct {
	// Entry is the entry as the epoch began.
	Entry
	// Migration is that of the claim, zero if there was none.
	Migration wire.MigrationID
	// Attempt is the one that was committed, zero if no directory decided.
	Attempt wire.Attempt
	// Cert is the certificate of that attempt, zero if no directory decided.
	Cert crypto.FreezeCert
}

// The encodings begin with a form byte and end with a checksum of the rest, which
// guards against accident: bbolt pages and etcd values have none. Frozen.
const (
	formRow  = 1
	formMove = 2
)

// AppendRow appends the row's stored form.
func AppendRow(dst []byte, r *Row) []byte {
	start := len(dst)
	dst = appendEntry(append(dst, formRow), &r.Entry)
	dst = crypto.AppendAttempt(dst, r.Aborted)
	dst = codec.AppendUint64(dst, r.Generation)
	return codec.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// DecodeRow reads what AppendRow wrote. Errors: ErrDamaged, also for a row of
// another daemon than origin.
func DecodeRow(b []byte, origin uint64) (*Row, error) {
	c, err := open(b, formRow)
	if err != nil {
		return nil, err
	}
	r := &Row{Entry: decodeEntry(&c), Aborted: crypto.DecodeAttempt(&c), Generation: c.Uint64()}
	return r, closed(&c, &r.Entry, origin, r.Epoch)
}

// AppendMove appends the record's stored form.
func AppendMove(dst []byte, m *Move) []byte {
	start := len(dst)
	dst = appendEntry(append(dst, formMove), &m.Entry)
	dst = crypto.AppendAttempt(append(dst, m.Migration[:]...), m.Attempt)
	if !m.Attempt.IsZero() {
		dst = crypto.AppendFreezeCert(dst, m.Cert)
	}
	return codec.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// DecodeMove reads what AppendMove wrote. Errors: ErrDamaged, also for a record
// of another daemon or epoch.
func DecodeMove(b []byte, origin, epoch uint64) (*Move, error) {
	c, err := open(b, formMove)
	if err != nil {
		return nil, err
	}
	m := &Move{Entry: decodeEntry(&c)}
	c.Fixed(m.Migration[:])
	m.Attempt = crypto.DecodeAttempt(&c)
	if !m.Attempt.IsZero() {
		m.Cert = crypto.DecodeFreezeCert(&c)
	}
	return m, closed(&c, &m.Entry, origin, epoch)
}

// open checks checksum and form, and returns a cursor over what is between.
func open(b []byte, form byte) (codec.Cursor, error) {
	if len(b) < 1+8 {
		return codec.Cursor{}, fmt.Errorf("%w: record of %d bytes", ErrDamaged, len(b))
	}
	body, sum := b[:len(b)-8], codec.NewCursor(b[len(b)-8:])
	if sum.Uint64() != xxhash.Sum64(body) {
		return codec.Cursor{}, fmt.Errorf("%w: record has another checksum", ErrDamaged)
	}
	if body[0] != form {
		return codec.Cursor{}, fmt.Errorf("%w: record of form %d, want %d", ErrDamaged, body[0], form)
	}
	return codec.NewCursor(body[1:]), nil
}

// closed ends the reading of a record, which must be the one that was looked for.
func closed(c *codec.Cursor, e *Entry, origin, epoch uint64) error {
	if err := c.Finish(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e.Origin() != origin || e.Epoch != epoch {
		return fmt.Errorf("%w: record of daemon %016x, epoch %d under the key of %016x, %d", ErrDamaged, e.Origin(), e.Epoch, origin, epoch)
	}
	return nil
}

func appendEntry(dst []byte, e *Entry) []byte {
	dst = append(append(dst, e.Entity[:]...), e.Administrator[:]...)
	dst = codec.AppendUint64(append(dst, e.Genesis[:]...), e.Epoch)
	dst = append(append(dst, e.Holder[:]...), e.Key[:]...)
	dst = crypto.AppendHead(append(dst, e.Previous[:]...), e.Began)
	dst = codec.AppendUvarint(dst, uint64(len(e.Addrs)))
	for _, a := range e.Addrs {
		dst = codec.AppendString(dst, a)
	}
	return dst
}

func decodeEntry(c *codec.Cursor) (e Entry) {
	c.Fixed(e.Entity[:])
	c.Fixed(e.Administrator[:])
	c.Fixed(e.Genesis[:])
	e.Epoch = c.Uint64()
	c.Fixed(e.Holder[:])
	c.Fixed(e.Key[:])
	c.Fixed(e.Previous[:])
	e.Began = crypto.DecodeHead(c)
	for range c.Count(wire.MaxAddrs, 1) {
		e.Addrs = append(e.Addrs, c.String(wire.MaxAddr))
	}
	return e
}
