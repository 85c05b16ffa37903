package directory

import (
	"context"
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Report is what one node tells of one daemon to a directory that was restored
// from a backup, or that missed handovers made without it.
//
// A backup can lack both kinds of decisions. A lost COMMIT shows in the passport
// of whoever acted on it. A lost ABORT shows nowhere but in the memory of nodes: if
// the directory does not learn of it, old evidence could commit an attempt whose
// source serves on. So before Recovered every node that may have been told an
// outcome reports every daemon that it holds, has handed over, or has received
// a copy of, with Ended.
type Report struct {
	// Node is who reports.
	Node crypto.NodeID
	// Addrs are where Node can be dialed.
	Addrs []string
	// Passport is the daemon's, as the node has it. It proves how far the
	// epochs have come.
	Passport crypto.Passport
	// Holds says that Node is the holder at the passport's epoch.
	Holds bool
	// Ended is the highest attempt of the passport's epoch that the node knows
	// to have ended without a commit: not one it has promised and got no answer
	// for. Zero for none.
	Ended wire.Attempt
}

// Recover raises the daemon's entry to the epoch that the passport proves, never
// lowers it, and returns it. It needs no recovery to be under way.
//
// Errors: crypto.ErrBadPassport, ErrFork if the directory knows another history,
// ErrTaken, ErrUnclear.
func (t *Table) Recover(ctx context.Context, rep Report) (e Entry, err error) {
	if err := rep.Passport.Verify(); err != nil {
		return Entry{}, err
	}
	if err := checkAddrs(rep.Addrs); err != nil {
		return Entry{}, err
	}
	err = t.update(ctx, rep.Passport.Genesis.Head().Origin, func(r Reader, row *Row) (change *Change, err error) {
		change, e, err = recoverRow(r, row, &rep, t.generation)
		return change, err
	})
	if err != nil {
		return Entry{}, err
	}
	return e, nil
}

// recoverRow applies a report to a row, nil if there is none.
func recoverRow(r Reader, row *Row, rep *Report, generation uint64) (*Change, Entry, error) {
	if err := checkHistory(r, row, &rep.Passport); err != nil {
		return nil, Entry{}, err
	}
	change := &Change{Row: row}
	if row == nil && !rep.first(change) {
		return nil, Entry{}, fmt.Errorf("%w: directory: the passport does not name the holder of epoch 1", wire.ErrDaemonNotFound)
	}
	rep.raise(change)
	row = change.Row
	if rep.Ended.Epoch == row.Epoch && row.Aborted.Less(rep.Ended) {
		row.Aborted = rep.Ended
	}
	if rep.Holds && rep.Node == row.Holder && rep.Passport.Epoch() == row.Epoch {
		row.Generation, row.Addrs = generation, rep.Addrs
	}
	return change, row.Entry, nil
}

// first begins a row with the birth. The first handover says who the holder was;
// if there is none, only the holder itself can.
func (rep *Report) first(change *Change) bool {
	p, holder := &rep.Passport, rep.Node
	switch {
	case len(p.Handovers) > 0:
		holder = p.Handovers[0].From
	case !rep.Holds:
		return false
	}
	e := birthEntry(&p.Genesis, holder, nil)
	change.Row, change.Moves = &Row{Entry: e}, []*Move{{Entry: e}}
	return true
}

// raise adds the handovers that the row does not have.
func (rep *Report) raise(change *Change) {
	list := rep.Passport.Handovers
	for change.Row.Epoch < rep.Passport.Epoch() {
		h := &list[change.Row.Epoch-1]
		// A new row, because aborts end with their epoch. It is the holder's to
		// confirm, whoever reported it.
		e := change.Row.after(h, nil)
		change.Row = &Row{Entry: e}
		move := &Move{Entry: e}
		if h.Decided {
			move.Attempt, move.Cert = wire.Attempt(h.Attempt), h.FreezeCert()
		}
		change.Moves = append(change.Moves, move)
	}
}

// checkHistory compares the passport with what is known, where both say something.
func checkHistory(r Reader, row *Row, p *crypto.Passport) error {
	switch {
	case row == nil:
		return nil
	case row.Entity != p.Entity:
		return fmt.Errorf("%w: origin %016x belongs to entity %s", ErrTaken, row.Origin(), row.Entity.Short())
	case row.Genesis != p.Genesis.Digest():
		return fmt.Errorf("%w: two births of %s", ErrFork, row.Entity.Short())
	}
	epoch := min(row.Epoch, p.Epoch())
	stored := row.Entry
	if epoch < row.Epoch {
		move, err := r.Move(epoch)
		if err != nil || move == nil {
			return err
		}
		stored = move.Entry
	}
	cut := crypto.Passport{Genesis: p.Genesis, Handovers: p.Handovers[:epoch-1]}
	if stored.Previous != cut.Previous() {
		return fmt.Errorf("%w: of entity %s at epoch %d", ErrFork, row.Entity.Short(), epoch)
	}
	return nil
}
