package crypto

import (
	"fmt"
	"slices"
)

// MaxHandovers is how many handovers a passport can hold. A full one is 19 to
// 25 MiB, depending on their forms, and takes seconds to verify.
const MaxHandovers = 65_536

// A Passport is a daemon's travel history: its genesis and its handovers in
// order. To verify it takes the EntityID that the reader expects, and no
// network.
//
// A decoded passport is a claim until Verify has returned nil. A Passport is a
// plain value: copies share the handovers, which are never modified in place by
// this package; Clone makes one that shares nothing.
type Passport struct {
	// Entity is whose passport it is: the genesis' entity.
	Entity EntityID
	// Genesis is the birth record.
	Genesis Genesis
	// Handovers has one item per change of holder; item i opens epoch i+2.
	Handovers []Handover
}

// A PassportError tells which item of a passport is wrong. It matches
// ErrBadPassport and whatever Err matches.
type PassportError struct {
	// Epoch is the epoch that the wrong item opens: 1 for the genesis.
	Epoch uint64
	// Err is what is wrong with the item.
	Err error
}

// Error names the epoch and the cause.
func (e *PassportError) Error() string {
	return fmt.Sprintf("%v: item of epoch %d: %v", ErrBadPassport, e.Epoch, e.Err)
}

// Unwrap returns ErrBadPassport and Err.
func (e *PassportError) Unwrap() []error { return []error{ErrBadPassport, e.Err} }

// NewPassport returns the passport of a daemon just born.
func NewPassport(g Genesis) Passport {
	return Passport{Entity: g.Entity, Genesis: g}
}

// Clone returns a copy that shares no memory with p.
func (p Passport) Clone() Passport {
	p.Handovers = slices.Clone(p.Handovers)
	return p
}

// Epoch returns the current epoch: 1 plus the number of handovers.
func (p Passport) Epoch() uint64 { return 1 + uint64(len(p.Handovers)) }

// Key returns the key that signs for the daemon now.
func (p Passport) Key() PublicKey {
	key, _ := p.KeyAt(p.Epoch())
	return key
}

// KeyAt returns the key that signed, or signs, during the epoch; ok is false
// for epoch 0 and for epochs that have not begun.
func (p Passport) KeyAt(epoch uint64) (key PublicKey, ok bool) {
	switch {
	case epoch == 0 || epoch > p.Epoch():
		return PublicKey{}, false
	case epoch == 1:
		return PublicKey(p.Entity), true
	}
	return p.Handovers[epoch-2].Next, true
}

// Holder returns the node that the last handover names. A daemon that never
// moved has a holder that the passport does not know: ok is false.
func (p Passport) Holder() (node NodeID, ok bool) {
	if len(p.Handovers) == 0 {
		return NodeID{}, false
	}
	return p.Handovers[len(p.Handovers)-1].To, true
}

// Previous returns the digest of the last item: what the next handover must
// name as its Previous.
func (p Passport) Previous() Digest {
	if len(p.Handovers) == 0 {
		return p.Genesis.Digest()
	}
	return p.Handovers[len(p.Handovers)-1].Digest()
}

// Append returns p with one more handover, after the same checks as Verify
// makes for that item; p is assumed to be verified and is not modified. Errors
// are *PassportError, or ErrPassportFull.
//
// It copies the handovers, so that two appends to one passport cannot overwrite
// each other's last item.
func (p Passport) Append(h Handover) (Passport, error) { return p.with(h, p.checkNext) }

// AppendVerified is Append without the verification of h's signature, which is
// most of its time: h is what [ParseHandover] has just returned for the key that
// p names (the administrator's for a forced one), [SignHandover] with that key, or
// [ParseDecided] for a certificate that has been verified with it.
func (p Passport) AppendVerified(h Handover) (Passport, error) { return p.with(h, p.checkPlace) }

func (p Passport) with(h Handover, check func(*Handover) error) (Passport, error) {
	if len(p.Handovers) >= MaxHandovers {
		return Passport{}, ErrPassportFull
	}
	if err := check(&h); err != nil {
		return Passport{}, &PassportError{p.Epoch() + 1, err}
	}
	p.Handovers = append(slices.Clip(p.Handovers), h)
	return p, nil
}

// Verify checks the genesis and then every handover hop by hop: form, place in
// the log, holder, key, signature. It reads nothing but p. Errors are
// *PassportError; they match ErrBadPassport and one of ErrBadGenesis,
// ErrBadHandover, ErrWeakKey, ErrWrongKey, ErrBadSignature, ErrPassportFull.
//
// A hop costs one ed25519 verification and one key check, together about 50
// microseconds; a decided one costs a second verification. That p belongs to the entity the caller has in mind is the
// caller's to compare.
func (p Passport) Verify() error {
	if err := p.checkGenesis(); err != nil {
		return &PassportError{1, err}
	}
	if len(p.Handovers) > MaxHandovers {
		return &PassportError{MaxHandovers + 2, ErrPassportFull}
	}
	prefix := p
	for i := range p.Handovers {
		prefix.Handovers = p.Handovers[:i]
		if err := prefix.checkNext(&p.Handovers[i]); err != nil {
			return &PassportError{prefix.Epoch() + 1, err}
		}
	}
	return nil
}

// Superseded reports whether ev is a handover that was truly signed by whoever
// could open its epoch, for an epoch that has begun by now: a stale copy of a
// former holder speaks, or the past is sent again. p is taken for verified.
func (p Passport) Superseded(ev CausalEvent) bool {
	h, err := UnverifiedHandover(ev)
	if err != nil || h.Epoch > p.Epoch() {
		return false
	}
	signer, _ := p.KeyAt(h.Epoch - 1)
	if h.Forced {
		signer = p.Genesis.Administrator
	}
	return h.verify(signer) == nil
}

// checkGenesis checks the first item.
func (p Passport) checkGenesis() error {
	if p.Entity != p.Genesis.Entity {
		return fmt.Errorf("%w: genesis of another entity", ErrWrongKey)
	}
	return p.Genesis.Verify()
}

// checkNext checks that h may follow p, which is taken for verified.
func (p Passport) checkNext(h *Handover) error {
	if err := h.check(); err != nil {
		return err
	}
	if err := p.checkPlace(h); err != nil {
		return err
	}
	if !h.Forced {
		return h.verify(p.Key())
	}
	if p.Genesis.Administrator.IsZero() {
		return badHandover("forced, and the genesis names no administrator")
	}
	return h.verify(p.Genesis.Administrator)
}

// checkPlace checks that h continues the history in p.
func (p Passport) checkPlace(h *Handover) error {
	after := p.began()
	switch {
	case h.Epoch != p.Epoch()+1:
		return badHandover("it skips or repeats an epoch")
	case h.Previous != p.Previous():
		return badHandover("it names another predecessor")
	case h.Head.Origin != after.Origin:
		return badHandover("it is of another origin")
	case h.Head.Sequence < after.Sequence:
		return badHandover("its head is before the last handover")
	case h.Head.Sequence == after.Sequence && h.Head != after:
		// Nothing happened in the epoch, so its head is known exactly.
		return badHandover("its head is not what the last handover left")
	}
	if holder, ok := p.Holder(); ok && h.From != holder {
		return badHandover("it comes from a node that was not the holder")
	}
	return nil
}

// began returns the head after the last item of p, which is where the current
// epoch began.
func (p Passport) began() Head {
	if len(p.Handovers) == 0 {
		return p.Genesis.Head()
	}
	last := &p.Handovers[len(p.Handovers)-1]
	return last.Head.Append(last.Event(), nil)
}
