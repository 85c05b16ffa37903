package crypto

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// A Handover is the log entry that moves authority over a daemon from one node
// to the next. It has three forms. The key of the epoch it ends signs a plain
// one; the administrator whose key is in the genesis signs a forced one; a
// decided one is a FreezeCert and its acceptance, which a directory chose.
type Handover struct {
	// From is the node that gives the daemon away, To the one that gets it.
	// Both are names only: no signature is ever checked with them here, so the
	// transport, which meets those nodes, is what refuses weak ones.
	From, To NodeID
	// Epoch is the new epoch, 2 for a daemon's first handover.
	Epoch uint64
	// Head is the head before this entry.
	Head Head
	// Next is the public key that signs during the new epoch.
	Next PublicKey
	// SnapshotSequence is the sequence of the snapshot that was transferred, at
	// most Head.Sequence.
	SnapshotSequence uint64
	// Previous is the digest of the handover before, or of the genesis.
	Previous Digest
	// Time is when the handover was signed, by the signer's clock: UTC with
	// nanoseconds, for people to read. The zero time, as which 1970-01-01
	// 00:00:00 UTC is read too, means not stamped. Nothing is decided by it.
	Time time.Time
	// Forced marks the administrator's break-glass entry.
	Forced bool
	// Decided marks the entry that Decide makes. It is never Forced as well.
	Decided bool
	// Attempt is the attempt that was decided: zero unless Decided.
	Attempt Attempt
	// Signature covers all of the above. That of a decided handover is the
	// FreezeCert's.
	Signature Signature
	// Acceptance is the signature that SignAcceptance makes: zero unless
	// Decided. Like Signature it is no part of the statement.
	Acceptance Signature
}

// The forms of a handover, the first byte of its encoding. Frozen.
const (
	formSigned  = 1 // signed by the epoch's key
	formForced  = 2 // signed by the administrator's key
	formDecided = 3 // a FreezeCert, and its acceptance by the next epoch's key
)

// Sizes of the encoding.
const (
	statementSize    = 1 + 32 + 32 + 8 + HeadSize + 32 + 8 + 32 + 8
	maxStatementSize = statementSize + attemptSize
	// HandoverSize is the encoded size in bytes of a handover that no directory
	// decided: the payload of its log entry, and its item in a passport. No
	// handover is shorter.
	HandoverSize = statementSize + 64
	// MaxHandoverSize is the encoded size of a decided handover in bytes. No
	// handover is longer.
	MaxHandoverSize = FreezeCertSize + 64
)

// sizeOfForm returns the encoded size of a handover that begins with that byte.
// The size of an unknown form is any: it fails to decode.
func sizeOfForm(form byte) int {
	if form == formDecided {
		return MaxHandoverSize
	}
	return HandoverSize
}

// form returns the first byte of the encoding.
func (h *Handover) form() byte {
	switch {
	case h.Decided:
		return formDecided
	case h.Forced:
		return formForced
	}
	return formSigned
}

// EncodedLen returns the number of bytes AppendHandover writes for h:
// HandoverSize or MaxHandoverSize.
func (h Handover) EncodedLen() int { return sizeOfForm(h.form()) }

// appendStatement appends what is signed:
//
//	form 1 | from 32 | to 32 | epoch 8 | head 80 | next 32
//	| snapshot sequence 8 | previous 32 | Unix nanoseconds 8, 0 for no time
//	| if decided: attempt 24
func (h *Handover) appendStatement(dst []byte) []byte {
	dst = append(dst, h.form())
	dst = append(dst, h.From[:]...)
	dst = append(dst, h.To[:]...)
	dst = codec.AppendUint64(dst, h.Epoch)
	dst = AppendHead(dst, h.Head)
	dst = append(dst, h.Next[:]...)
	dst = codec.AppendUint64(dst, h.SnapshotSequence)
	dst = append(dst, h.Previous[:]...)
	dst = codec.AppendUint64(dst, stampOf(h.Time))
	if h.Decided {
		dst = AppendAttempt(dst, h.Attempt)
	}
	return dst
}

// AppendHandover appends the statement and the signature, and if h is decided
// the acceptance: EncodedLen bytes. A time outside the years 1678 to 2262 cannot
// be encoded and is written as an arbitrary one; whatever signs refuses it.
func AppendHandover(dst []byte, h Handover) []byte {
	dst = append(h.appendStatement(dst), h.Signature[:]...)
	if h.Decided {
		dst = append(dst, h.Acceptance[:]...)
	}
	return dst
}

// decodeHandover reads what AppendHandover wrote and verifies nothing, which is
// why it stays inside the package.
func decodeHandover(c *codec.Cursor) Handover {
	h := decodeStatement(c)
	c.Fixed(h.Signature[:])
	if h.Decided {
		c.Fixed(h.Acceptance[:])
	}
	return h
}

// decodeStatement reads what appendStatement wrote.
func decodeStatement(c *codec.Cursor) Handover {
	var h Handover
	form := c.Uint8()
	if form < formSigned || form > formDecided {
		c.Fail(fmt.Errorf("%w: unknown form %d", ErrBadHandover, form))
	}
	h.Forced, h.Decided = form == formForced, form == formDecided
	c.Fixed(h.From[:])
	c.Fixed(h.To[:])
	h.Epoch = c.Uint64()
	h.Head = DecodeHead(c)
	c.Fixed(h.Next[:])
	h.SnapshotSequence = c.Uint64()
	c.Fixed(h.Previous[:])
	h.Time = timeOf(c.Uint64())
	if h.Decided {
		h.Attempt = DecodeAttempt(c)
	}
	return h
}

// stampOf and timeOf convert between times and Unix nanoseconds in two's
// complement, with 0 for the zero time.
func stampOf(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func timeOf(stamp uint64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(stamp)).UTC()
}

// readerTime returns the time as readers will see it, or ErrBadHandover if it
// cannot be encoded.
func readerTime(t time.Time) (time.Time, error) {
	if !t.IsZero() && !time.Unix(0, t.UnixNano()).Equal(t) {
		return time.Time{}, badHandover("its time cannot be encoded")
	}
	return timeOf(stampOf(t)), nil
}

// Digest identifies the statement, whoever signed it and however often: it is
// what the next handover's Previous names, and what two passports are compared
// by. It does not cover signature and acceptance.
func (h Handover) Digest() Digest {
	var buf [len(tagStatement) + maxStatementSize]byte
	return sha256.Sum256(h.appendStatement(append(buf[:0], tagStatement...)))
}

// Event returns the handover's log entry: it follows Head and has no producer.
func (h Handover) Event() CausalEvent {
	next, _ := h.Head.Next()
	e := CausalEvent{Link: next, Kind: EventHandover}
	if h.Forced {
		e.Kind = EventForced
	}
	e.Payload = AppendHandover(make([]byte, 0, h.EncodedLen()), h)
	return e
}

// domain returns the domain that the handover is signed under.
func (h *Handover) domain() Domain {
	switch h.form() {
	case formDecided:
		return DomainFreeze
	case formForced:
		return DomainForced
	}
	return DomainHandover
}

// badHandover says which rule a handover breaks.
func badHandover(rule string) error {
	return fmt.Errorf("%w: %s", ErrBadHandover, rule)
}

// check holds the rules for a handover by itself, all but the signatures.
func (h *Handover) check() error {
	switch {
	case h.Epoch < 2:
		return badHandover("the first handover opens epoch 2")
	case h.To.IsZero():
		return badHandover("it names no new holder")
	case h.Head.Sequence == math.MaxUint64:
		return badHandover("the log is at its end")
	case h.SnapshotSequence > h.Head.Sequence:
		return badHandover("its snapshot is newer than its head")
	}
	if err := h.checkForm(); err != nil {
		return err
	}
	if err := h.Next.Check(); err != nil {
		return fmt.Errorf("%w: next epoch's key", err)
	}
	return nil
}

// checkForm checks the fields that only some forms have. Those of a form that
// has none must be zero: they would be lost in the encoding.
func (h *Handover) checkForm() error {
	switch {
	case !h.Decided && (h.Attempt != Attempt{} || h.Acceptance != Signature{}):
		return badHandover("an attempt, and no decision")
	case h.Decided && h.Forced:
		return badHandover("both forced and decided")
	case h.Decided && h.Attempt.Epoch != h.Epoch-1:
		return badHandover("its attempt is not of the epoch that ends")
	}
	return nil
}

// SignHandover completes and signs h: the key is the ending epoch's, or the
// administrator's if h.Forced. It returns the log entry and the handover as
// every reader will see it (time in UTC, signature filled in).
//
// It checks what can be checked without the log: ErrBadHandover, ErrWeakKey
// for h.Next, ErrCannotSign. That h continues the passport is Passport.Append's
// to check, that it continues the log CheckLink's. A decided handover is not
// signed as a whole; Decide makes it.
func SignHandover(key *EntityKeypair, h Handover) (CausalEvent, Handover, error) {
	if h.Decided {
		return CausalEvent{}, Handover{}, badHandover("nobody alone signs a decided one")
	}
	var err error
	if h.Time, err = readerTime(h.Time); err != nil {
		return CausalEvent{}, Handover{}, err
	}
	if err := h.check(); err != nil {
		return CausalEvent{}, Handover{}, err
	}
	h.Signature, err = key.Sign(h.domain(), h.appendStatement(make([]byte, 0, HandoverSize)))
	if err != nil {
		return CausalEvent{}, Handover{}, err
	}
	return h.Event(), h, nil
}

// ParseHandover reads the handover in a log entry: static checks first, then
// the signature, and last the acceptance of a decided one. The signer is the key
// of the epoch that ends, or for an EventForced the administrator's.
//
// What a directory decided is not in the entry: who is to act on one that is
// Decided asks the directory, or has been told by it.
//
// Errors: ErrBadHandover, ErrWeakKey for the signer or the next epoch's key,
// ErrBadSignature.
func ParseHandover(ev CausalEvent, signer PublicKey) (Handover, error) {
	h, err := UnverifiedHandover(ev)
	if err != nil {
		return Handover{}, err
	}
	if err := h.verify(signer); err != nil {
		return Handover{}, err
	}
	return h, nil
}

// UnverifiedHandover returns the handover in a log entry without checking a
// signature. Whoever does not have the signer's key can tell by it what an entry
// is not: nothing in it is to be believed. Payload and entry agree.
//
// Errors: ErrBadHandover, ErrWeakKey for the next epoch's key.
func UnverifiedHandover(ev CausalEvent) (Handover, error) {
	if ev.Kind != EventHandover && ev.Kind != EventForced {
		return Handover{}, badHandover("entry of kind " + ev.Kind.String())
	}
	c := codec.NewCursor(ev.Payload)
	h := decodeHandover(&c)
	if err := c.Finish(); err != nil {
		return Handover{}, wrapAs(ErrBadHandover, err)
	}
	if err := h.check(); err != nil {
		return Handover{}, err
	}
	// The entry must be the very one Event makes; only the payload is long, and
	// it has just been decoded.
	link, _ := h.Head.Next()
	switch {
	case h.Forced != (ev.Kind == EventForced):
		return Handover{}, badHandover("form and kind of entry differ")
	case ev.Link != link:
		return Handover{}, badHandover("entry does not follow the head it names")
	case !ev.Producer.IsZero() || ev.ProducerSeq != 0:
		return Handover{}, badHandover("entry has a producer")
	}
	return h, nil
}

// verify checks everything that is signed.
func (h *Handover) verify(signer PublicKey) error {
	if err := h.verifySignature(signer); err != nil {
		return err
	}
	if h.Decided {
		return h.verifyAcceptance()
	}
	return nil
}

// verifySignature checks the signature of the epoch's or administrator's key.
func (h *Handover) verifySignature(signer PublicKey) error {
	var buf [maxStatementSize]byte
	if signer.Verify(h.domain(), h.appendStatement(buf[:0]), h.Signature) {
		return nil
	}
	return fmt.Errorf("%w: handover to epoch %d", signer.whyNot(), h.Epoch)
}

// verifyAcceptance checks the acceptance, by the key that the statement itself
// certifies.
func (h *Handover) verifyAcceptance() error {
	digest := h.Digest()
	if h.Next.Verify(DomainAccept, digest[:], h.Acceptance) {
		return nil
	}
	return fmt.Errorf("%w: acceptance of epoch %d", h.Next.whyNot(), h.Epoch)
}
