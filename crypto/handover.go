package crypto

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// A Handover is the log entry that moves authority over a daemon from one node
// to the next. The key of the epoch it ends signs it; a forced one is signed by
// the administrator whose key is in the genesis.
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
	// Signature covers all of the above.
	Signature Signature
}

// The forms of a handover, the first byte of its encoding. Frozen.
const (
	formSigned = 1 // signed by the epoch's key
	formForced = 2 // signed by the administrator's key
)

// Sizes of the encoding.
const (
	statementSize = 1 + 32 + 32 + 8 + HeadSize + 32 + 8 + 32 + 8
	// HandoverSize is the encoded size of a handover in bytes: the payload of
	// its log entry, and its item in a passport.
	HandoverSize = statementSize + 64
)

// appendStatement appends what is signed:
//
//	form 1 | from 32 | to 32 | epoch 8 | head 80 | next 32
//	| snapshot sequence 8 | previous 32 | Unix nanoseconds 8, 0 for no time
func (h *Handover) appendStatement(dst []byte) []byte {
	form := byte(formSigned)
	if h.Forced {
		form = formForced
	}
	dst = append(dst, form)
	dst = append(dst, h.From[:]...)
	dst = append(dst, h.To[:]...)
	dst = codec.AppendUint64(dst, h.Epoch)
	dst = AppendHead(dst, h.Head)
	dst = append(dst, h.Next[:]...)
	dst = codec.AppendUint64(dst, h.SnapshotSequence)
	dst = append(dst, h.Previous[:]...)
	return codec.AppendUint64(dst, stampOf(h.Time))
}

// AppendHandover appends the statement and then the signature: HandoverSize
// bytes. A time outside the years 1678 to 2262 cannot be encoded and is
// written as an arbitrary one; SignHandover refuses it.
func AppendHandover(dst []byte, h Handover) []byte {
	return append(h.appendStatement(dst), h.Signature[:]...)
}

// decodeHandover reads what AppendHandover wrote and verifies nothing; it stays
// inside the package so that nobody mistakes the result for a checked one.
func decodeHandover(c *codec.Cursor) Handover {
	var h Handover
	form := c.Uint8()
	if form != formSigned && form != formForced {
		c.Fail(fmt.Errorf("%w: unknown form %d", ErrBadHandover, form))
	}
	h.Forced = form == formForced
	c.Fixed(h.From[:])
	c.Fixed(h.To[:])
	h.Epoch = c.Uint64()
	h.Head = DecodeHead(c)
	c.Fixed(h.Next[:])
	h.SnapshotSequence = c.Uint64()
	c.Fixed(h.Previous[:])
	h.Time = timeOf(c.Uint64())
	c.Fixed(h.Signature[:])
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

// Digest identifies the statement, whoever signed it and however often: it is
// what the next handover's Previous names, and what two passports are compared
// by. It does not cover the signature.
func (h Handover) Digest() Digest {
	var buf [len(tagStatement) + statementSize]byte
	return sha256.Sum256(h.appendStatement(append(buf[:0], tagStatement...)))
}

// Event returns the handover's log entry: it follows Head and has no producer.
func (h Handover) Event() CausalEvent {
	next, _ := h.Head.Next()
	e := CausalEvent{Link: next, Kind: EventHandover}
	if h.Forced {
		e.Kind = EventForced
	}
	e.Payload = AppendHandover(make([]byte, 0, HandoverSize), h)
	return e
}

// domain returns the domain that the handover is signed under.
func (h *Handover) domain() Domain {
	if h.Forced {
		return DomainForced
	}
	return DomainHandover
}

// badHandover says which rule a handover breaks.
func badHandover(rule string) error {
	return fmt.Errorf("%w: %s", ErrBadHandover, rule)
}

// check holds the rules for a handover by itself, all but the signature.
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
	if err := h.Next.Check(); err != nil {
		return fmt.Errorf("%w: next epoch's key", err)
	}
	return nil
}

// SignHandover completes and signs h: the key is the ending epoch's, or the
// administrator's if h.Forced. It returns the log entry and the handover as
// every reader will see it (time in UTC, signature filled in).
//
// It checks what can be checked without the log: ErrBadHandover, ErrWeakKey
// for h.Next, ErrCannotSign. That h continues the passport is Passport.Append's
// to check, that it continues the log CheckLink's.
func SignHandover(key *EntityKeypair, h Handover) (CausalEvent, Handover, error) {
	if !h.Time.IsZero() && !time.Unix(0, h.Time.UnixNano()).Equal(h.Time) {
		return CausalEvent{}, Handover{}, badHandover("its time cannot be encoded")
	}
	h.Time = timeOf(stampOf(h.Time))
	if err := h.check(); err != nil {
		return CausalEvent{}, Handover{}, err
	}
	var err error
	h.Signature, err = key.Sign(h.domain(), h.appendStatement(make([]byte, 0, HandoverSize)))
	if err != nil {
		return CausalEvent{}, Handover{}, err
	}
	return h.Event(), h, nil
}

// ParseHandover reads the handover in a log entry: static checks first, then
// the signature. The signer is the key of the epoch that ends, or for an
// EventForced the administrator's. There is no way to get at a handover whose
// signature has not been checked.
//
// Errors: ErrBadHandover, ErrWeakKey for the signer or the next epoch's key,
// ErrBadSignature.
func ParseHandover(ev CausalEvent, signer PublicKey) (Handover, error) {
	h, err := handoverIn(ev)
	if err != nil {
		return Handover{}, err
	}
	if err := h.verify(signer); err != nil {
		return Handover{}, err
	}
	return h, nil
}

// handoverIn decodes the payload and checks that payload and entry agree.
func handoverIn(ev CausalEvent) (Handover, error) {
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

// verify checks the signature.
func (h *Handover) verify(signer PublicKey) error {
	var buf [statementSize]byte
	if signer.Verify(h.domain(), h.appendStatement(buf[:0]), h.Signature) {
		return nil
	}
	return fmt.Errorf("%w: handover to epoch %d", signer.whyNot(), h.Epoch)
}
