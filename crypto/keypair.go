package crypto

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
)

// An EntityKeypair is the key a daemon's holder signs with during one epoch, or
// an administrator's. It shows its public half only: it does not print,
// compare by ==, or marshal its secret. Safe for concurrent use.
type EntityKeypair struct {
	_      [0]func() // not comparable with ==
	public PublicKey
	secret *secret
}

// GenerateEntityKeypair makes a key pair from the system's random source.
func GenerateEntityKeypair() (*EntityKeypair, error) {
	seed, err := randomSeed()
	if err != nil {
		return nil, err
	}
	defer clear(seed[:])
	return KeypairFromSeed(seed)
}

// KeypairFromSeed makes the key pair that belongs to a 32-byte secret seed. The
// all-zero seed is refused with ErrWeakKey. The caller clears its own copy.
func KeypairFromSeed(seed [32]byte) (*EntityKeypair, error) {
	s, public, err := newSecret(seed)
	if err != nil {
		return nil, err
	}
	return &EntityKeypair{public: public, secret: s}, nil
}

// PublicOnly returns a key pair that verifies but cannot sign. A weak key is
// not refused here, for want of an error to return; it verifies nothing.
func PublicOnly(pub PublicKey) *EntityKeypair {
	return &EntityKeypair{public: pub}
}

// Public returns the public half. It stays after Wipe.
func (k *EntityKeypair) Public() PublicKey { return k.public }

// CanSign reports whether the secret half is there.
func (k *EntityKeypair) CanSign() bool { return k.secret.canSign() }

// Wipe zeroes the secret half; afterwards the pair is as from PublicOnly.
// Signatures in progress finish first. Wiping twice is harmless.
func (k *EntityKeypair) Wipe() { k.secret.wipe() }

// Seed returns a copy of the secret, for the durable record of the node that made
// it and for nothing else: it must not leave that node. The caller clears it.
// ErrCannotSign without a secret half.
func (k *EntityKeypair) Seed() ([32]byte, error) { return k.secret.seed() }

// Sign signs the statement under domain d. It returns ErrCannotSign without a
// secret half and ErrDomain for an unregistered domain.
func (k *EntityKeypair) Sign(d Domain, statement []byte) (Signature, error) {
	if !d.valid() {
		return Signature{}, fmt.Errorf("%w: %d", ErrDomain, d)
	}
	var buf [512]byte
	return k.secret.sign(d.appendSigned(buf[:0], statement))
}

// Equal reports, in constant time, whether both pairs have the same public half
// and both or neither can sign. The public half determines the secret one, so
// secrets need not be touched to compare them.
func (k *EntityKeypair) Equal(other *EntityKeypair) bool {
	if k == nil || other == nil {
		return k == other
	}
	same := subtle.ConstantTimeCompare(k.public[:], other.public[:]) == 1
	return same && k.CanSign() == other.CanSign()
}

// String returns the type and the public half.
func (k EntityKeypair) String() string { return "EntityKeypair(" + k.public.String() + ")" }

// GoString returns what String returns.
func (k EntityKeypair) GoString() string { return k.String() }

// Format writes what String returns, whatever the verb. Like String it is on
// the value, so that a pair printed by mistake without its pointer is covered.
func (k EntityKeypair) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText returns ErrSecret: key pairs do not end up in dumps of a config.
func (k EntityKeypair) MarshalText() ([]byte, error) { return nil, ErrSecret }

// MarshalBinary returns ErrSecret, which keeps encoding/gob out as well.
func (k EntityKeypair) MarshalBinary() ([]byte, error) { return nil, ErrSecret }

// randomSeed reads 32 bytes from the system's random source.
func randomSeed() (seed [32]byte, err error) {
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, fmt.Errorf("crypto: random source: %w", err)
	}
	return seed, nil
}
