package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// CutoverNotify asks the source to cut over now (protocol.md §3.3.8). The source
// may do so unasked. The body is the Ref alone, which also encodes it.
type CutoverNotify struct{ Ref }

// Type returns TypeCutoverNotify.
func (*CutoverNotify) Type() Type { return TypeCutoverNotify }

// Final asks the target to hold the head that the source is frozen at, or has
// sequenced nothing behind (protocol.md §3.3.9). Every event up to it has been
// sent before.
type Final struct {
	Ref
	Attempt Attempt
	Head    crypto.Head
}

// Type returns TypeFinal.
func (*Final) Type() Type { return TypeFinal }

func (m *Final) append(dst []byte) []byte {
	return crypto.AppendHead(crypto.AppendAttempt(m.Ref.append(dst), m.Attempt), m.Head)
}

func (m *Final) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
	m.Head = crypto.DecodeHead(c)       // 80 head
}

// Aborted ends an attempt and every earlier one (protocol.md §3.3.10). The
// target releases its hold, keeps the dark copy and goes on replaying.
type Aborted struct {
	Ref
	Attempt Attempt
}

// Type returns TypeAborted.
func (*Aborted) Type() Type { return TypeAborted }

func (m *Aborted) append(dst []byte) []byte {
	return crypto.AppendAttempt(m.Ref.append(dst), m.Attempt)
}

func (m *Aborted) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
}

// ReplayComplete is the target's signed hold (protocol.md §3.3.11): it has
// exactly this log and keeps it until it learns the outcome. The signature is
// made with the key that PrepareOK announced.
type ReplayComplete struct {
	Ref
	Attempt   Attempt
	Head      crypto.Head
	Signature crypto.Signature
}

// Type returns TypeReplayComplete.
func (*ReplayComplete) Type() Type { return TypeReplayComplete }

// Statement returns the bytes that are signed, under crypto.DomainReplayComplete:
// the body without the signature.
func (m *ReplayComplete) Statement() []byte { return m.appendStatement(nil) }

func (m *ReplayComplete) appendStatement(dst []byte) []byte {
	return crypto.AppendHead(crypto.AppendAttempt(m.Ref.append(dst), m.Attempt), m.Head)
}

// Sign fills in the signature. It fails with crypto.ErrCannotSign if the key has
// no secret half.
func (m *ReplayComplete) Sign(key *crypto.EntityKeypair) (err error) {
	m.Signature, err = key.Sign(crypto.DomainReplayComplete, m.Statement())
	return err
}

// Verify checks the signature against the key that PrepareOK announced. It fails
// with crypto.ErrBadSignature.
func (m *ReplayComplete) Verify(key crypto.PublicKey) error {
	if !key.Verify(crypto.DomainReplayComplete, m.Statement(), m.Signature) {
		return crypto.ErrBadSignature
	}
	return nil
}

func (m *ReplayComplete) append(dst []byte) []byte {
	return append(m.appendStatement(dst), m.Signature[:]...)
}

func (m *ReplayComplete) parse(c *codec.Cursor) {
	m.Ref.parse(c)                      // 32 ref
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
	m.Head = crypto.DecodeHead(c)       // 80 head
	c.Fixed(m.Signature[:])             // 64 signature
}
