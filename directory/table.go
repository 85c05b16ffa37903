package directory

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ferrymesh/ferry/wire"
)

// Table is a Directory over a Store. It has no state of its own but whether it is
// recovering, starts no goroutine and reads no clock.
type Table struct {
	store      Store
	generation uint64
	recovering atomic.Bool
}

var _ Directory = (*Table)(nil)

// NewTable returns the directory that the store keeps.
func NewTable(s Store) *Table { return &Table{store: s} }

// NewRecovering returns the directory of a store that was restored from a backup
// for the generation-th time. Until Recovered it answers nothing and learns by
// Recover; afterwards it answers for the daemons whose holders have reported.
//
// The store has to remember the generation, and that it is recovering.
func NewRecovering(s Store, generation uint64, recovering bool) *Table {
	t := &Table{store: s, generation: generation}
	t.recovering.Store(recovering)
	return t
}

// Recovered ends the recovery. See Report for what must have been told before.
func (t *Table) Recovered() { t.recovering.Store(false) }

// check says whether a row may be relied on.
func (t *Table) check(row *Row, origin uint64) error {
	switch {
	case t.recovering.Load():
		return fmt.Errorf("%w: waiting for the nodes' reports", ErrRecovering)
	case row == nil:
		return fmt.Errorf("%w: directory: origin %016x is not registered", wire.ErrDaemonNotFound, origin)
	case row.Generation < t.generation:
		return fmt.Errorf("%w: waiting for a report of %s, the last known holder", ErrRecovering, row.Holder)
	}
	return nil
}

// view reads one daemon's row, checked.
func (t *Table) view(ctx context.Context, origin uint64, f func(Reader, *Row) error) error {
	return t.store.View(ctx, origin, func(r Reader) error {
		row, err := r.Row()
		if err == nil {
			err = t.check(row, origin)
		}
		if err != nil {
			return err
		}
		return f(r, row)
	})
}

// update changes one daemon's row.
func (t *Table) update(ctx context.Context, origin uint64, f func(Reader, *Row) (*Change, error)) error {
	return t.store.Update(ctx, origin, func(r Reader) (*Change, error) {
		row, err := r.Row()
		if err != nil {
			return nil, err
		}
		return f(r, row)
	})
}

// Lookup implements Directory.
func (t *Table) Lookup(ctx context.Context, origin uint64) (e Entry, err error) {
	err = t.view(ctx, origin, func(_ Reader, row *Row) error {
		e = row.Entry
		return nil
	})
	return e, err
}

// Register implements Directory.
func (t *Table) Register(ctx context.Context, b Birth) (e Entry, err error) {
	if err := b.check(); err != nil {
		return Entry{}, err
	}
	origin := b.Genesis.Head().Origin
	err = t.update(ctx, origin, func(_ Reader, row *Row) (change *Change, err error) {
		if row != nil || t.recovering.Load() {
			if err := t.check(row, origin); err != nil {
				return nil, err
			}
		}
		change, e, err = register(row, &b, t.generation)
		return change, err
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Claim implements Directory.
func (t *Table) Claim(ctx context.Context, c Claim) (out Outcome, err error) {
	if err := c.check(); err != nil {
		return Outcome{}, err
	}
	err = t.update(ctx, c.Origin(), func(r Reader, row *Row) (change *Change, err error) {
		if err := t.check(row, c.Origin()); err != nil {
			return nil, err
		}
		change, out, err = claim(r, row, &c)
		return change, err
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// Force implements Directory. It also opens a row that waits for the report of a
// holder who is gone for good.
func (t *Table) Force(ctx context.Context, f Forced) (e Entry, err error) {
	if err := f.check(); err != nil {
		return Entry{}, err
	}
	origin := f.Handover.Link.Origin
	err = t.update(ctx, origin, func(r Reader, row *Row) (change *Change, err error) {
		if row == nil || t.recovering.Load() {
			return nil, t.check(row, origin)
		}
		change, e, err = force(r, row, &f, t.generation)
		return change, err
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Outcome implements Directory.
func (t *Table) Outcome(ctx context.Context, origin uint64, a wire.Attempt) (out Outcome, err error) {
	err = t.view(ctx, origin, func(r Reader, row *Row) (err error) {
		out, err = outcome(r, row, a)
		return err
	})
	return out, err
}

// Watch implements Directory.
func (t *Table) Watch(ctx context.Context, origin, after uint64) (Entry, error) {
	e, err := t.next(ctx, origin, after)
	for err == nil && e.Epoch <= after {
		// First the channel, then the look: a change in between is not missed.
		changed, err := t.store.Changed(ctx, origin)
		if err != nil {
			return Entry{}, err
		}
		if e, err = t.next(ctx, origin, after); err != nil || e.Epoch > after {
			return e, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Entry{}, ctx.Err()
		}
	}
	return e, err
}

// next returns the entry of the first epoch above after, or the zero Entry.
func (t *Table) next(ctx context.Context, origin, after uint64) (e Entry, err error) {
	err = t.store.View(ctx, origin, func(r Reader) error {
		e = Entry{}
		row, err := r.Row()
		if err != nil || row == nil && !t.recovering.Load() {
			return err
		}
		if err := t.check(row, origin); err != nil {
			return err
		}
		for epoch := after + 1; epoch <= row.Epoch && epoch > after; epoch++ {
			move, err := r.Move(epoch)
			if err != nil {
				return err
			}
			if move != nil {
				e = move.Entry
				return nil
			}
		}
		return nil
	})
	return e, err
}
