package directory

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// The rules of the directory: what a request makes of a row. They are functions of
// their arguments, and the same for every backend.

// birthEntry returns the entry of a daemon just born.
func birthEntry(g *crypto.Genesis, holder crypto.NodeID, addrs []string) Entry {
	digest := g.Digest()
	return Entry{
		Entity: g.Entity, Administrator: g.Administrator, Genesis: digest,
		Epoch: 1, Holder: holder, Addrs: slices.Clone(addrs), Key: crypto.PublicKey(g.Entity),
		Previous: digest, Began: g.Head(),
	}
}

// after returns the entry that h makes of e. That h may follow has been checked.
func (e Entry) after(h *crypto.Handover, addrs []string) Entry {
	e.Epoch, e.Holder, e.Addrs = h.Epoch, h.To, slices.Clone(addrs)
	e.Key, e.Previous = h.Next, h.Digest()
	e.Began = h.Head
	return e
}

// checkNext checks that h continues e. Its signatures have been checked.
func (e *Entry) checkNext(h *crypto.Handover) error {
	switch {
	case h.Epoch != e.Epoch+1:
		return badEvidence(fmt.Sprintf("it opens epoch %d after %d", h.Epoch, e.Epoch))
	case h.From != e.Holder:
		return badEvidence("it comes from a node that is not the holder")
	case h.Previous != e.Previous:
		return badEvidence("it names another predecessor")
	case h.Head.Origin != e.Began.Origin:
		return badEvidence("it is of another origin")
	case h.Head.Sequence < e.Began.Sequence, h.Head.Sequence == e.Began.Sequence && (e.Epoch > 1 || h.Head != e.Began):
		return badEvidence("its head is before the last handover")
	}
	return nil
}

// checkEpoch sorts out requests that do not concern the epoch in force.
func (e *Entry) checkEpoch(epoch uint64) error {
	switch {
	case epoch < e.Epoch:
		return fmt.Errorf("%w: directory: epoch %d is over, %d is in force", wire.ErrStaleEpoch, epoch, e.Epoch)
	case epoch > e.Epoch:
		return fmt.Errorf("%w: the directory knows epoch %d, not %d", ErrBehind, e.Epoch, epoch)
	}
	return nil
}

// checkAddrs holds addresses to the limits of frames, in which they will travel.
func checkAddrs(addrs []string) error {
	if len(addrs) > wire.MaxAddrs {
		return fmt.Errorf("%w: directory: %d addresses, at most %d", wire.ErrTooLarge, len(addrs), wire.MaxAddrs)
	}
	for _, a := range addrs {
		if a == "" || len(a) > wire.MaxAddr || !utf8.ValidString(a) || strings.ContainsFunc(a, unicode.IsControl) {
			return fmt.Errorf("%w: directory: an address is 1 to %d bytes of text: %q", wire.ErrTooLarge, wire.MaxAddr, a)
		}
	}
	return nil
}

// check holds the rules for a birth by itself.
func (b *Birth) check() error {
	if err := b.Genesis.Verify(); err != nil {
		return badEvidence(err)
	}
	if b.Holder.IsZero() {
		return badEvidence("it names no holder")
	}
	return checkAddrs(b.Addrs)
}

// check holds the rules for a claim by itself.
func (c *Claim) check() error {
	if c.Decision != wire.DecisionCommit && c.Decision != wire.DecisionAbort {
		return fmt.Errorf("%w: directory: a claim is for commit or abort", wire.ErrBadFrame)
	}
	return checkAddrs(c.Addrs)
}

// check holds the rules for a forced handover by itself.
func (f *Forced) check() error {
	if f.Handover.Kind != crypto.EventForced || len(f.Handover.Payload) > crypto.MaxHandoverSize {
		return badEvidence("it is no forced handover")
	}
	return checkAddrs(f.Addrs)
}

// register applies a birth to a row, nil if there is none.
func register(row *Row, b *Birth, generation uint64) (*Change, Entry, error) {
	if row == nil {
		e := birthEntry(&b.Genesis, b.Holder, b.Addrs)
		return &Change{&Row{Entry: e, Generation: generation}, []*Move{{Entry: e}}}, e, nil
	}
	switch {
	case row.Entity != b.Genesis.Entity:
		return nil, Entry{}, fmt.Errorf("%w: origin %016x belongs to entity %s", ErrTaken, row.Origin(), row.Entity.Short())
	case row.Genesis != b.Genesis.Digest():
		return nil, Entry{}, fmt.Errorf("%w: entity %s is registered with another genesis", ErrTaken, row.Entity.Short())
	case row.Holder != b.Holder:
		return nil, Entry{}, fmt.Errorf("%w: held by %s at epoch %d", ErrTaken, row.Holder, row.Epoch)
	case slices.Equal(row.Addrs, b.Addrs):
		return nil, row.Entry, nil
	}
	row.Addrs = slices.Clone(b.Addrs)
	return &Change{Row: row}, row.Entry, nil
}

// outcome returns what was decided about an attempt.
func outcome(r Reader, row *Row, a wire.Attempt) (Outcome, error) {
	out := Outcome{Attempt: a}
	if a.Epoch < row.Epoch {
		return committed(r, row, a)
	}
	if err := row.checkEpoch(a.Epoch); err != nil {
		return Outcome{}, err
	}
	if a.Compare(row.Aborted) <= 0 {
		out.Decision = wire.DecisionAbort
	}
	return out, nil
}

// committed finds out whether a was the attempt that ended its epoch.
func committed(r Reader, row *Row, a wire.Attempt) (Outcome, error) {
	move, err := r.Move(a.Epoch + 1)
	if err != nil {
		return Outcome{}, err
	}
	if move == nil || move.Attempt != a || a.IsZero() {
		return Outcome{}, row.checkEpoch(a.Epoch)
	}
	return Outcome{wire.DecisionCommit, a, move.Migration, move.Cert}, nil
}

// claim decides an attempt, unless that was done.
func claim(r Reader, row *Row, c *Claim) (*Change, Outcome, error) {
	out, err := outcome(r, row, c.Attempt())
	if err != nil || out.Decision != wire.DecisionNone {
		return nil, out, err
	}
	out.Decision = c.Decision
	if c.Decision == wire.DecisionCommit {
		return commit(row, c, out)
	}
	// Only the source can make a certificate, so that nobody else can raise the
	// mark beyond the attempts that there are.
	if err := c.Cert.Verify(row.Key); err != nil {
		return nil, Outcome{}, badEvidence(err)
	}
	row.Aborted = out.Attempt
	return &Change{Row: row}, out, nil
}

// commit applies a claim for COMMIT.
func commit(row *Row, c *Claim, out Outcome) (*Change, Outcome, error) {
	if err := c.Cert.Verify(row.Key); err != nil {
		return nil, Outcome{}, badEvidence(err)
	}
	if err := c.hold().Verify(c.Cert.Next); err != nil {
		return nil, Outcome{}, badEvidence(err)
	}
	h := c.Cert.Handover()
	change, err := row.move(&h, &Move{Migration: c.Migration, Attempt: out.Attempt, Cert: c.Cert}, c.Addrs)
	if err != nil {
		return nil, Outcome{}, err
	}
	out.Migration, out.Cert = c.Migration, c.Cert
	return change, out, nil
}

// hold returns what the target has signed.
func (c *Claim) hold() *wire.ReplayComplete {
	return &wire.ReplayComplete{
		Ref:     wire.Ref{Migration: c.Migration, Origin: c.Origin(), Epoch: c.Attempt().Epoch},
		Attempt: c.Attempt(), Head: c.Cert.Head, Signature: c.Hold,
	}
}

// move opens the next epoch. Aborts of the one before are dropped: see doc.go.
func (r *Row) move(h *crypto.Handover, m *Move, addrs []string) (*Change, error) {
	if err := r.checkNext(h); err != nil {
		return nil, err
	}
	m.Entry = r.after(h, addrs)
	return &Change{Row: &Row{Entry: m.Entry, Generation: r.Generation}, Moves: []*Move{m}}, nil
}

// force applies the administrator's handover.
func force(r Reader, row *Row, f *Forced, generation uint64) (*Change, Entry, error) {
	if row.Administrator.IsZero() {
		return nil, Entry{}, badEvidence("the genesis names no administrator")
	}
	h, err := crypto.ParseHandover(f.Handover, row.Administrator)
	if err != nil {
		return nil, Entry{}, badEvidence(err)
	}
	if move, err := r.Move(h.Epoch); err != nil || move != nil && move.Previous == h.Digest() {
		return nil, row.Entry, err // done before
	}
	if err := row.checkEpoch(h.Epoch - 1); err != nil {
		return nil, Entry{}, err
	}
	change, err := row.move(&h, &Move{}, f.Addrs)
	if err != nil {
		return nil, Entry{}, err
	}
	// The administrator's word is newer than any backup.
	change.Row.Generation = generation
	return change, change.Row.Entry, nil
}
