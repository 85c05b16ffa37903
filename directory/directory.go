package directory

import (
	"context"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Directory is what nodes ask. All calls are safe for concurrent use and safe to
// repeat. Errors match those of this package and of package wire, also when a
// remote directory reports them; see errors.go.
type Directory interface {
	// Lookup returns who holds the daemon. The entry tells where to go; it is
	// no proof, which is the holder's passport to give.
	//
	// Errors: wire.ErrDaemonNotFound, ErrNone, ErrRecovering.
	Lookup(ctx context.Context, origin uint64) (Entry, error)

	// Register tells of a birth. Repeated by the daemon's holder, at whatever
	// epoch, it renews the addresses.
	//
	// Errors: ErrTaken for another entity with that origin or another holder,
	// ErrEvidence for a genesis that does not verify, ErrUnclear.
	Register(ctx context.Context, b Birth) (Entry, error)

	// Claim decides an attempt, or returns what was decided before: never
	// wire.DecisionNone. The outcome counts, not the claim.
	//
	// Errors: wire.ErrStaleEpoch once the epoch is over and another way than by
	// this attempt; ErrBehind for an epoch the directory has not heard of;
	// ErrEvidence; ErrUnclear; those of Lookup.
	Claim(ctx context.Context, c Claim) (Outcome, error)

	// Force applies the administrator's handover.
	//
	// Errors: as Claim.
	Force(ctx context.Context, f Forced) (Entry, error)

	// Outcome returns what was decided about an attempt: wire.DecisionNone if
	// nothing was.
	//
	// Errors: as Claim, except ErrEvidence and ErrUnclear.
	Outcome(ctx context.Context, origin uint64, attempt wire.Attempt) (Outcome, error)

	// Watch waits for the first epoch above after and returns the entry as that
	// epoch began. Who calls it again with the epoch returned sees every change
	// in order, and each once. It also waits for births: 0 is before epoch 1.
	//
	// Errors: those of ctx, ErrNone, ErrRecovering.
	Watch(ctx context.Context, origin, after uint64) (Entry, error)
}

// Entry says who holds a daemon, and what the next claim is verified against.
type Entry struct {
	Entity crypto.EntityID
	// Administrator is the key that can sign forced handovers, zero for none.
	Administrator crypto.PublicKey
	// Genesis is the digest of the birth record.
	Genesis crypto.Digest
	// Epoch is 1 for a daemon just born.
	Epoch uint64
	// Holder is the node with authority during Epoch.
	Holder crypto.NodeID
	// Addrs are where the holder can be dialed, best first. A hint.
	Addrs []string
	// Key signs for the daemon during Epoch.
	Key crypto.PublicKey
	// Previous is the digest of the handover that opened Epoch, or of the genesis.
	Previous crypto.Digest
	// Began is the head that handover followed, or the genesis' head. The next
	// handover is at a later one, or at the genesis.
	Began crypto.Head
}

// Origin returns the number by which frames name the daemon.
func (e Entry) Origin() uint64 { return crypto.OriginOf(e.Entity) }

// Birth is a daemon's birth record and the node it was born on.
//
// The genesis does not name the holder, so that whoever has it could register it
// first: nodes register a daemon before they show its genesis to anyone, and Serve
// lets a node register itself only.
type Birth struct {
	Genesis crypto.Genesis
	Holder  crypto.NodeID
	Addrs   []string // of the holder
}

// Claim asks for a decision about the attempt that Cert names.
type Claim struct {
	// Migration is the one that the target's hold was given for.
	Migration wire.MigrationID
	// Decision is wire.DecisionCommit or wire.DecisionAbort.
	Decision wire.Decision
	// Cert is the source's certificate, needed for both.
	Cert crypto.FreezeCert
	// Hold is the signature of the target's wire.ReplayComplete, needed for COMMIT.
	Hold crypto.Signature
	// Addrs are where the target can be dialed, for COMMIT.
	Addrs []string
}

// Origin returns the daemon's.
func (c *Claim) Origin() uint64 { return c.Cert.Head.Origin }

// Attempt returns the attempt to be decided.
func (c *Claim) Attempt() wire.Attempt { return wire.Attempt(c.Cert.Attempt) }

// Forced is the administrator's handover.
type Forced struct {
	// Handover is a log entry of kind crypto.EventForced.
	Handover crypto.CausalEvent
	// Addrs are where the new holder can be dialed.
	Addrs []string
}

// Outcome is what was decided about an attempt.
type Outcome struct {
	Decision wire.Decision
	Attempt  wire.Attempt
	// Migration is that of the claim which decided, with COMMIT.
	Migration wire.MigrationID
	// Cert is the source's certificate, with COMMIT. The target makes the log
	// entry from it that both nodes append; both verify it, as they would one
	// that came any other way.
	Cert crypto.FreezeCert
}
