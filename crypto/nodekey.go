package crypto

import (
	stdcrypto "crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
)

// A NodeKeypair is a peer's own key: TLS proves it, and its public half is the
// NodeID. It guards its secret as EntityKeypair does. It signs TLS handshakes
// and, for ResetKey, one message that nobody is shown; statements about daemons
// are signed by entity keys. Safe for concurrent use.
type NodeKeypair struct {
	_      [0]func() // not comparable with ==
	id     NodeID
	secret *secret
}

var _ stdcrypto.Signer = (*NodeKeypair)(nil)

// GenerateNodeKeypair makes a key pair from the system's random source.
func GenerateNodeKeypair() (*NodeKeypair, error) {
	seed, err := randomSeed()
	if err != nil {
		return nil, err
	}
	defer clear(seed[:])
	return NodeKeypairFromSeed(seed)
}

// NodeKeypairFromSeed makes the key pair that belongs to a 32-byte secret seed.
// The all-zero seed is refused with ErrWeakKey.
func NodeKeypairFromSeed(seed [32]byte) (*NodeKeypair, error) {
	s, public, err := newSecret(seed)
	if err != nil {
		return nil, err
	}
	return &NodeKeypair{id: public, secret: s}, nil
}

// ID returns the public half.
func (k *NodeKeypair) ID() NodeID { return k.id }

// Public returns the public half as an ed25519.PublicKey, for crypto/tls.
func (k *NodeKeypair) Public() stdcrypto.PublicKey {
	return ed25519.PublicKey(append([]byte(nil), k.id[:]...))
}

// Sign implements crypto.Signer for crypto/tls: plain ed25519 over the message
// itself, so opts must ask for no hash. The random source is not used.
func (k *NodeKeypair) Sign(_ io.Reader, message []byte, opts stdcrypto.SignerOpts) ([]byte, error) {
	if opts != nil && opts.HashFunc() != 0 {
		return nil, fmt.Errorf("crypto: ed25519 node key asked to sign a %v hash", opts.HashFunc())
	}
	sig, err := k.secret.sign(message)
	if err != nil {
		return nil, err
	}
	return sig[:], nil
}

// ResetKey derives the secret by which a restarted node tells its former peers
// that their sessions are gone. It follows from the node's key, so it outlives
// the process without a file of its own, and from a signature that is made for
// nothing else, so it gives nothing away. It fails with ErrCannotSign.
func (k *NodeKeypair) ResetKey() ([32]byte, error) {
	sig, err := k.secret.sign(DomainStatelessReset.appendSigned(nil, nil))
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(sig[:]), nil
}

// Wipe zeroes the secret half; Sign and ResetKey then return ErrCannotSign.
func (k *NodeKeypair) Wipe() { k.secret.wipe() }

// Equal reports, in constant time, whether both pairs are the same node's. It
// takes any so that crypto/tls and tests may use it as with standard keys.
func (k *NodeKeypair) Equal(other stdcrypto.PrivateKey) bool {
	o, ok := other.(*NodeKeypair)
	return ok && o != nil && subtle.ConstantTimeCompare(k.id[:], o.id[:]) == 1
}

// String returns the type and the fingerprint of the public half.
func (k NodeKeypair) String() string { return "NodeKeypair(" + k.id.String() + ")" }

// GoString returns what String returns.
func (k NodeKeypair) GoString() string { return k.String() }

// Format writes what String returns, whatever the verb.
func (k NodeKeypair) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText returns ErrSecret; MarshalNodeKey is the deliberate way out.
func (k NodeKeypair) MarshalText() ([]byte, error) { return nil, ErrSecret }

// MarshalBinary returns ErrSecret, which keeps encoding/gob out as well.
func (k NodeKeypair) MarshalBinary() ([]byte, error) { return nil, ErrSecret }
