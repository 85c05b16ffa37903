package target

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// check returns the first invariant of [record] that does not hold. The caller has its turn.
func (r *record) check() error {
	phase, cursor, host := r.now(), r.buffer.Cursor(), r.host.Load()
	switch {
	case (host != nil) != (phase >= wire.PhaseRestore):
		return fmt.Errorf("R1: host %v in %v", host != nil, phase)
	case r.cursor.Load() != cursor:
		return fmt.Errorf("R2: cursor %d, the buffer's %d", r.cursor.Load(), cursor)
	case host != nil && phase < wire.PhaseCutover && host.Head().Sequence != cursor:
		return fmt.Errorf("R2: cursor %d, the host's head %d", cursor, host.Head().Sequence)
	case (cursor > r.base) != (phase >= wire.PhaseReplay):
		return fmt.Errorf("R3: cursor %d, base %d in %v", cursor, r.base, phase)
	case r.committed && r.buffer.Len() > 0:
		return fmt.Errorf("R4: committed, holds %d events", r.buffer.Len())
	case phase >= wire.PhaseCutover && (!r.committed || r.hold.stands):
		return fmt.Errorf("R4: committed %v, held %v in %v", r.committed, r.hold.stands, phase)
	}
	return r.buffer.check()
}
