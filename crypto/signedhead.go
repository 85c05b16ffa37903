package crypto

import (
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// A SignedHead is a holder's word for the state of its log: the head, and the
// epoch whose key signed it.
type SignedHead struct {
	Head      Head
	Epoch     uint64
	Signature Signature
}

// SignedHeadSize is the encoded size of a SignedHead in bytes.
const SignedHeadSize = HeadSize + 8 + 64

// SignHead signs the head with the epoch's key. That the key is the epoch's is
// for the caller to know and for Verify to find out. Errors: ErrCannotSign.
func SignHead(key *EntityKeypair, head Head, epoch uint64) (SignedHead, error) {
	s := SignedHead{Head: head, Epoch: epoch}
	var err error
	s.Signature, err = key.Sign(DomainHead, s.appendStatement(nil))
	if err != nil {
		return SignedHead{}, err
	}
	return s, nil
}

// appendStatement appends what is signed: head 80 | epoch 8.
func (s *SignedHead) appendStatement(dst []byte) []byte {
	return codec.AppendUint64(AppendHead(dst, s.Head), s.Epoch)
}

// AppendSignedHead appends head 80 | epoch 8 | signature 64.
func AppendSignedHead(dst []byte, s SignedHead) []byte {
	return append(s.appendStatement(dst), s.Signature[:]...)
}

// DecodeSignedHead reads what AppendSignedHead wrote. It verifies nothing.
func DecodeSignedHead(c *codec.Cursor) SignedHead {
	s := SignedHead{Head: DecodeHead(c), Epoch: c.Uint64()}
	c.Fixed(s.Signature[:])
	return s
}

// VerifyKey checks the signature alone, for callers that already know the
// epoch's key. Errors: ErrWeakKey, ErrBadSignature.
func (s SignedHead) VerifyKey(key PublicKey) error {
	var buf [HeadSize + 8]byte
	if key.Verify(DomainHead, s.appendStatement(buf[:0]), s.Signature) {
		return nil
	}
	return fmt.Errorf("%w: head of epoch %d", key.whyNot(), s.Epoch)
}

// Verify verifies the passport, then the signature by the key that the passport
// certifies for the epoch, then that the head lies within that epoch: a former
// holder's key signs nothing beyond the handover that ended its time.
//
// Errors: what Passport.Verify returns, ErrOrigin, ErrWrongKey for an epoch the
// passport does not reach, ErrBadSignature, ErrHeadMismatch.
func (s SignedHead) Verify(p Passport) error {
	if err := p.Verify(); err != nil {
		return err
	}
	if s.Head.Origin != OriginOf(p.Entity) {
		return fmt.Errorf("%w: signed head", ErrOrigin)
	}
	key, ok := p.KeyAt(s.Epoch)
	if !ok {
		return fmt.Errorf("%w: the passport ends before epoch %d", ErrWrongKey, s.Epoch)
	}
	if err := s.VerifyKey(key); err != nil {
		return err
	}
	return s.checkPlace(p)
}

// checkPlace compares the head with the heads that the passport knows: the one
// its epoch began with, and the two around the handover that ended it, which is
// the last entry a holder writes.
func (s *SignedHead) checkPlace(p Passport) error {
	first := cut(p, s.Epoch).began()
	known := []Head{first}
	if s.Epoch < p.Epoch() {
		closing := p.Handovers[s.Epoch-1].Head
		last := cut(p, s.Epoch+1).began()
		known = append(known, closing, last)
		if s.Head.Sequence > last.Sequence {
			return fmt.Errorf("%w: epoch %d ended before sequence %d", ErrHeadMismatch, s.Epoch, s.Head.Sequence)
		}
	}
	if s.Head.Sequence < first.Sequence {
		return fmt.Errorf("%w: epoch %d began after sequence %d", ErrHeadMismatch, s.Epoch, s.Head.Sequence)
	}
	for _, h := range known {
		if h.Sequence == s.Head.Sequence && h != s.Head {
			return fmt.Errorf("%w: at sequence %d of epoch %d", ErrHeadMismatch, h.Sequence, s.Epoch)
		}
	}
	return nil
}
