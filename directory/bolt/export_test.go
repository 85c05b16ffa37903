package bolt

import (
	"context"

	"github.com/ferrymesh/ferry/directory"
)

// BreakDisk takes the file away from under the database: every write fails from
// now on.
func (d *DB) BreakDisk() error { return d.file.os.Close() }

// ViewsWait reports whether a view that begins while a change is being made has to wait for the end of it.
func (d *DB) ViewsWait(ctx context.Context, origin uint64) (wait bool, err error) {
	err = d.file.Update(ctx, origin, func(directory.Reader) (*directory.Change, error) {
		free := d.file.commits.TryRLock()
		if free {
			d.file.commits.RUnlock()
		}
		wait = !free
		return nil, nil
	})
	return wait, err
}

// FillDisk makes the database believe that a write has just failed for lack of room.
func (d *DB) FillDisk() {
	d.file.failed.Store(true)
	d.file.full.Store(true)
}
