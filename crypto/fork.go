package crypto

import (
	"bytes"
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// A Fork proves that somebody signed two different statements for one epoch of
// one entity: two births, or two handovers that open the same epoch. A and B
// agree on everything before and end with the statements that differ. Each
// verifies as a passport; signatures are not compared, since one statement can
// be signed in many ways.
//
// A FreezeCert without acceptance is no handover and cannot be part of a Fork. If
// one of the statements is Decided, the holder that signed both need not be to
// blame: somebody may have made an entry of an attempt that was aborted.
type Fork struct {
	A, B Passport
}

// FindFork compares two passports of one entity and returns evidence if they
// contradict each other. If one merely continues the other, or they are of
// different entities, there is no fork. Evidence that does not verify is none:
// a forged passport accuses nobody. It costs a comparison of digests up to the
// difference, and verification up to there only if there is one.
func FindFork(a, b Passport) (Fork, bool) {
	if a.Entity != b.Entity {
		return Fork{}, false
	}
	at, differ := firstDifference(a, b)
	if !differ {
		return Fork{}, false
	}
	// Clones, so that the evidence outlives what it was found in.
	f := Fork{cut(a, at).Clone(), cut(b, at).Clone()}
	if f.Verify() != nil {
		return Fork{}, false
	}
	return f, true
}

// firstDifference returns the first epoch whose opening statements differ.
func firstDifference(a, b Passport) (epoch uint64, differ bool) {
	if a.Genesis.Digest() != b.Genesis.Digest() {
		return 1, true
	}
	for i := range min(len(a.Handovers), len(b.Handovers)) {
		if a.Handovers[i].Digest() != b.Handovers[i].Digest() {
			return uint64(i) + 2, true
		}
	}
	return 0, false
}

// cut returns p through the statement that opens the epoch.
func cut(p Passport, epoch uint64) Passport {
	p.Handovers = p.Handovers[:epoch-1]
	return p
}

// Epoch returns the epoch that two statements were signed for.
func (f Fork) Epoch() uint64 { return f.A.Epoch() }

// Verify checks the evidence with nothing but itself: two passports of one
// entity that verify, end at the same epoch, and differ in the statement that
// opens it and nowhere before. Errors match ErrNoFork, and also ErrBadPassport
// if one of the passports is the reason.
func (f Fork) Verify() error {
	if f.A.Entity != f.B.Entity {
		return fmt.Errorf("%w: two entities", ErrNoFork)
	}
	at, differ := firstDifference(f.A, f.B)
	if !differ {
		return fmt.Errorf("%w: the passports agree", ErrNoFork)
	}
	if at != f.A.Epoch() || at != f.B.Epoch() {
		return fmt.Errorf("%w: more than one statement follows the common part", ErrNoFork)
	}
	if err := f.A.Verify(); err != nil {
		return wrapAs(ErrNoFork, err)
	}
	if err := f.B.Verify(); err != nil {
		return wrapAs(ErrNoFork, err)
	}
	return nil
}

const (
	forkMagic   = "ferryfrk"
	forkVersion = 1
)

// AppendFork appends the evidence: magic 8 | version 1 | passport A | passport
// B, each passport with its own magic.
func AppendFork(dst []byte, f Fork) []byte {
	dst = append(dst, forkMagic...)
	dst = append(dst, forkVersion)
	return AppendPassport(AppendPassport(dst, f.A), f.B)
}

// IsFork reports whether b begins as evidence does. Whether it is some is for
// ParseFork and Verify to say.
func IsFork(b []byte) bool { return bytes.HasPrefix(b, []byte(forkMagic)) }

// ParseFork reads evidence that is the whole of b. It does not verify. Errors
// match ErrNoFork, and also ErrBadPassport or one of codec's.
func ParseFork(b []byte) (Fork, error) {
	c := codec.NewCursor(b)
	if string(c.Take(len(forkMagic))) != forkMagic || c.Uint8() != forkVersion {
		return Fork{}, fmt.Errorf("%w: not a fork's evidence", ErrNoFork)
	}
	r := bytes.NewReader(c.Take(c.Rest()))
	var f Fork
	var err error
	if f.A, err = ReadPassport(r); err != nil {
		return Fork{}, wrapAs(ErrNoFork, err)
	}
	if f.B, err = ReadPassport(r); err != nil {
		return Fork{}, wrapAs(ErrNoFork, err)
	}
	if r.Len() > 0 {
		return Fork{}, wrapAs(ErrNoFork, codec.ErrTrailing)
	}
	return f, nil
}
