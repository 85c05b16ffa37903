package crypto

import (
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// A FreezeCert is a holder's statement to a directory: the log is frozen at
// Head for this attempt, and the holder will not end the attempt alone any
// more. It leaves to the directory whether To becomes the holder. The key of
// the epoch that would end signs it.
//
// By itself it moves nothing: it becomes a handover only together with an
// acceptance, see Decide. One whose attempt the directory aborted is worthless
// and no half of a fork.
type FreezeCert struct {
	// From is the node that gives the daemon away, To the one that may get it.
	From, To NodeID
	// Epoch is the epoch that would begin, 2 for a daemon's first handover.
	Epoch uint64
	// Attempt is what the directory decides about. Its epoch is the one before
	// Epoch.
	Attempt Attempt
	// Head is the head that the log is frozen at.
	Head Head
	// Next is the public key that would sign during the new epoch, and whose
	// owner has to accept.
	Next PublicKey
	// SnapshotSequence is the sequence of the snapshot that was transferred, at
	// most Head.Sequence.
	SnapshotSequence uint64
	// Previous is the digest of the handover before, or of the genesis.
	Previous Digest
	// Time is when the certificate was signed, as in a Handover.
	Time time.Time
	// Signature covers all of the above.
	Signature Signature
}

// FreezeCertSize is the encoded size of a FreezeCert in bytes.
const FreezeCertSize = maxStatementSize + 64

// Handover returns the handover that f becomes, still without acceptance. Its
// statement is the certificate's.
func (f FreezeCert) Handover() Handover {
	return Handover{
		From: f.From, To: f.To, Epoch: f.Epoch, Head: f.Head, Next: f.Next,
		SnapshotSequence: f.SnapshotSequence, Previous: f.Previous, Time: f.Time,
		Decided: true, Attempt: f.Attempt, Signature: f.Signature,
	}
}

// FreezeCert returns the certificate in a decided handover.
func (h Handover) FreezeCert() FreezeCert {
	return FreezeCert{
		From: h.From, To: h.To, Epoch: h.Epoch, Attempt: h.Attempt, Head: h.Head, Next: h.Next,
		SnapshotSequence: h.SnapshotSequence, Previous: h.Previous, Time: h.Time,
		Signature: h.Signature,
	}
}

// SignFreezeCert completes and signs cert with the key of the epoch that would
// end, and returns it as every reader will see it (time in UTC, signature
// filled in). From then on the holder is bound: what it promises must be durable
// before this is called.
//
// It checks what SignHandover checks, with the same errors, and that the
// attempt is of the epoch that would end.
func SignFreezeCert(key *EntityKeypair, cert FreezeCert) (FreezeCert, error) {
	var err error
	if cert.Time, err = readerTime(cert.Time); err != nil {
		return FreezeCert{}, err
	}
	h := cert.Handover()
	if err := h.check(); err != nil {
		return FreezeCert{}, err
	}
	cert.Signature, err = key.Sign(DomainFreeze, h.appendStatement(make([]byte, 0, FreezeCertSize)))
	if err != nil {
		return FreezeCert{}, err
	}
	return cert, nil
}

// AppendFreezeCert appends the statement, which begins with the form byte of the
// handover that cert may become, and the signature: FreezeCertSize bytes.
func AppendFreezeCert(dst []byte, cert FreezeCert) []byte {
	h := cert.Handover()
	return append(h.appendStatement(dst), cert.Signature[:]...)
}

// DecodeFreezeCert reads what AppendFreezeCert wrote, for messages that have a
// certificate inside. It verifies nothing: the result is a claim until Verify
// has returned nil. Another form than a certificate's fails the cursor with
// ErrBadHandover.
func DecodeFreezeCert(c *codec.Cursor) FreezeCert {
	h := decodeStatement(c)
	if !h.Decided {
		c.Fail(badHandover("not a freeze certificate"))
	}
	c.Fixed(h.Signature[:])
	return h.FreezeCert()
}

// Verify checks the form and the signature. The signer is the key of the epoch
// that would end. Errors: ErrBadHandover, ErrWeakKey for the signer or the next
// epoch's key, ErrBadSignature.
func (f FreezeCert) Verify(signer PublicKey) error {
	h := f.Handover()
	if err := h.check(); err != nil {
		return err
	}
	return h.verifySignature(signer)
}

// Digest identifies the statement. It is the digest of the handover that f may
// become, and what an acceptance signs.
func (f FreezeCert) Digest() Digest { return f.Handover().Digest() }

// SignAcceptance signs, with the key that cert certifies, that its owner takes
// the daemon at cert.Head, because the directory has committed cert's attempt.
// Nobody gives one earlier: with it the handover is complete, whether the
// directory has said yes or not.
//
// The signature covers the statement of cert, but not cert's own signature.
// Errors: ErrBadHandover, ErrWeakKey, ErrWrongKey if cert certifies another
// key, ErrCannotSign.
func SignAcceptance(key *EntityKeypair, cert FreezeCert) (Signature, error) {
	h := cert.Handover()
	if err := h.check(); err != nil {
		return Signature{}, err
	}
	if key.Public() != cert.Next {
		return Signature{}, fmt.Errorf("%w: acceptance of epoch %d", ErrWrongKey, cert.Epoch)
	}
	digest := h.Digest()
	return key.Sign(DomainAccept, digest[:])
}

// Decide returns the log entry that moves the daemon once the directory has
// decided for cert's attempt, and the handover in it. Everyone who has the two
// parts gets the same bytes, so that the logs of both nodes stay equal.
//
// The acceptance is checked, the signature of cert is not, for want of the
// signer's key: pass only what Verify has passed. Nor does Decide know
// the decision. Called for an attempt that was aborted, it makes an
// entry that contradicts the log and looks genuine, so nobody may call it
// before the directory has said yes.
//
// Errors: ErrBadHandover, ErrWeakKey for the next epoch's key, ErrBadSignature.
func Decide(cert FreezeCert, acceptance Signature) (CausalEvent, Handover, error) {
	h := cert.Handover()
	h.Acceptance = acceptance
	if err := h.check(); err != nil {
		return CausalEvent{}, Handover{}, err
	}
	if err := h.verifyAcceptance(); err != nil {
		return CausalEvent{}, Handover{}, err
	}
	return h.Event(), h, nil
}

// ParseDecided returns the handover in a log entry, if it is the one that cert
// becomes by its acceptance. Like Decide it takes cert on trust.
//
// Errors: ErrBadHandover for any other entry, and those of Decide.
func ParseDecided(ev CausalEvent, cert FreezeCert) (Handover, error) {
	if len(ev.Payload) != MaxHandoverSize {
		return Handover{}, badHandover("it was not decided by a directory")
	}
	made, h, err := Decide(cert, Signature(ev.Payload[FreezeCertSize:]))
	if err != nil {
		return Handover{}, err
	}
	if made.digest() != ev.digest() { // every field: the entry goes into the log as it is
		return Handover{}, badHandover("it is not what the certificate becomes")
	}
	return h, nil
}

// Accept is SignAcceptance and Decide in one, for the target, with the errors
// of both.
func Accept(key *EntityKeypair, cert FreezeCert) (CausalEvent, Handover, error) {
	acceptance, err := SignAcceptance(key, cert)
	if err != nil {
		return CausalEvent{}, Handover{}, err
	}
	return Decide(cert, acceptance)
}
