package directory

import (
	"fmt"

	"github.com/ferrymesh/ferry/wire"
)

// Errors of directories. Each matches an error of package wire, under whose
// reason it crosses the wire; the error that a Client returns matches both.
var (
	// ErrNone: there is no directory, handovers are between two nodes.
	ErrNone = fmt.Errorf("directory: there is none, handovers are between two nodes: %w", wire.ErrVersion)
	// ErrTaken: the origin belongs to another entity, or the daemon is held by
	// another node.
	ErrTaken = fmt.Errorf("directory: taken: %w", wire.ErrRefused)
	// ErrEvidence: what came with a claim does not prove it. Nothing changed.
	ErrEvidence = fmt.Errorf("directory: evidence does not prove the claim: %w", wire.ErrNoHandover)
	// ErrBehind: the claim is for an epoch after the next one. The directory
	// missed handovers, and has to be told of them by Recover.
	ErrBehind = fmt.Errorf("directory: behind: %w", wire.ErrGap)
	// ErrFork: the directory and a passport know different handovers for one
	// epoch. People must look at it: crypto.FindFork proves it
	// from two passports.
	ErrFork = fmt.Errorf("directory: two histories: %w", wire.ErrDiverged)
	// ErrRecovering: the directory was restored from a backup and does not yet
	// know what it has missed. Ask again later.
	ErrRecovering = fmt.Errorf("directory: recovering: %w", wire.ErrNotReady)
	// ErrUnclear: whether the request had an effect is not known. Repeat it, or
	// read back.
	ErrUnclear = fmt.Errorf("directory: no answer, the outcome is unclear: %w", wire.ErrUnreachable)
	// ErrDamaged: a stored row is not what was written.
	ErrDamaged = fmt.Errorf("directory: damaged: %w", wire.ErrInternal)
)

// known lists the errors that a Client puts back in place of their reasons.
var known = []error{ErrNone, ErrTaken, ErrEvidence, ErrBehind, ErrFork, ErrRecovering, ErrUnclear}

// restore adds to an error that a remote directory reported the error of this
// package that it stands for.
func restore(err error) error {
	reason := wire.ReasonOf(err)
	for _, k := range known {
		if wire.ReasonOf(k) == reason {
			return fmt.Errorf("%w: %w", k, err)
		}
	}
	return err
}

// badEvidence says why evidence is refused. The cause is told and not wrapped, so
// that the error means the same here and behind a wire.
func badEvidence(why any) error { return fmt.Errorf("%w: %v", ErrEvidence, why) }
