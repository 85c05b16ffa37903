package crypto

import (
	"crypto/ed25519"
	"strconv"
)

// A Domain says what kind of statement a signature is about. Its tag is part of
// what is signed, so that a signature made for one purpose verifies for no
// other. The numbers are local to the process; the tags are the protocol.
type Domain uint8

// The registry of signed statements. Append only; the tags are frozen.
const (
	DomainGenesis        Domain = iota + 1 // a daemon's birth, by the entity's key
	DomainHandover                         // a change of holder, by the epoch's key
	DomainForced                           // the same by the administrator's key
	DomainHead                             // a SignedHead, by the epoch's key
	DomainReplayComplete                   // "I hold exactly this", by the key announced in PrepareOK
	DomainFreeze                           // a FreezeCert, by the epoch's key
	DomainAccept                           // the acceptance of a FreezeCert, by the key it certifies
	DomainStatelessReset                   // what NodeKeypair.ResetKey is made of, by the node's key
	domainEnd
)

// domainTags ends each tag with a zero byte: no tag is the beginning of
// another, so tag ‖ statement is unambiguous.
var domainTags = [domainEnd]string{
	DomainGenesis:        "ferry/v1/genesis\x00",
	DomainHandover:       "ferry/v1/handover\x00",
	DomainForced:         "ferry/v1/forced\x00",
	DomainHead:           "ferry/v1/head\x00",
	DomainReplayComplete: "ferry/v1/replay-complete\x00",
	DomainFreeze:         "ferry/v1/freeze\x00",
	DomainAccept:         "ferry/v1/accept\x00",
	DomainStatelessReset: "ferry/v1/stateless-reset\x00",
}

// Tags of what is hashed but not signed. A hash never collides with a signed
// message in meaning, yet they are kept distinct from the domains as well.
const (
	tagEvent     = "ferry/v1/hash/event\x00"
	tagOutputs   = "ferry/v1/hash/outputs\x00"
	tagGenesis   = "ferry/v1/hash/genesis\x00"
	tagStatement = "ferry/v1/hash/handover\x00"
	tagOrigin    = "ferry/v1/hash/origin\x00"
	tagProducer  = "ferry/v1/hash/producer\x00"
	tagKeyFile   = "ferry/v1/hash/key-file\x00"
)

// valid reports whether d is in the registry.
func (d Domain) valid() bool { return d > 0 && d < domainEnd }

// String returns the tag without its final zero byte.
func (d Domain) String() string {
	if !d.valid() {
		return "domain " + strconv.Itoa(int(d))
	}
	tag := domainTags[d]
	return tag[:len(tag)-1]
}

// appendSigned appends the message that is really signed: tag ‖ statement.
func (d Domain) appendSigned(dst, statement []byte) []byte {
	return append(append(dst, domainTags[d]...), statement...)
}

// Check returns ErrWeakKey unless p is a usable signing key. See CheckPublicKey.
func (p PublicKey) Check() error { return CheckPublicKey(p) }

// Verify reports whether sig is p's signature of the statement under domain d.
// Weak keys verify nothing: the identity point would "sign" every message.
func (p PublicKey) Verify(d Domain, statement []byte, sig Signature) bool {
	// Whether p is a point at all is found out by ed25519.Verify.
	if !d.valid() || isWeakPoint(p) {
		return false
	}
	var buf [512]byte // every statement of this package fits
	return ed25519.Verify(p[:], d.appendSigned(buf[:0], statement), sig[:])
}

// whyNot classes a signature that Verify has refused: ErrWeakKey if the key is
// to blame, else ErrBadSignature. Asked afterwards only: the full check of a key
// would add a quarter to the price of every good signature.
func (p PublicKey) whyNot() error {
	if err := p.Check(); err != nil {
		return err
	}
	return ErrBadSignature
}
