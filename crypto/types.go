package crypto

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/ferrymesh/ferry/codec"
)

// A Digest is a SHA-256 hash over a domain tag and what it commits to.
type Digest [32]byte

// ParseDigest reads the 64 hex digits that String writes.
func ParseDigest(text string) (Digest, error) {
	return parseHex32("digest", text)
}

// String returns 64 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short returns the first 8 hex digits, for people reading logs.
func (d Digest) Short() string { return hex.EncodeToString(d[:4]) }

// IsZero reports whether no digest has been set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText returns what String returns.
func (d Digest) MarshalText() ([]byte, error) { return appendHex(d[:]) }

// UnmarshalText is ParseDigest.
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

// An EntityID names a daemon for life: it is the ed25519 public key the daemon
// was born with. Later epochs sign with keys of their own.
type EntityID [32]byte

// ParseEntityID reads 64 hex digits and refuses weak keys with ErrWeakKey.
func ParseEntityID(text string) (EntityID, error) {
	return parseKey("entity id", text)
}

// String returns 64 hex digits.
func (id EntityID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 8 hex digits, for people reading logs.
func (id EntityID) Short() string { return hex.EncodeToString(id[:4]) }

// IsZero reports whether no entity has been set.
func (id EntityID) IsZero() bool { return id == EntityID{} }

// MarshalText returns what String returns.
func (id EntityID) MarshalText() ([]byte, error) { return appendHex(id[:]) }

// UnmarshalText is ParseEntityID.
func (id *EntityID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseEntityID(string(text))
	return err
}

// A PublicKey is the ed25519 key that signs for a daemon during one epoch, or
// an administrator's. The zero value means "none".
type PublicKey [32]byte

// ParsePublicKey reads 64 hex digits and refuses weak keys with ErrWeakKey.
func ParsePublicKey(text string) (PublicKey, error) {
	return parseKey("public key", text)
}

// String returns 64 hex digits.
func (p PublicKey) String() string { return hex.EncodeToString(p[:]) }

// IsZero reports whether no key has been set.
func (p PublicKey) IsZero() bool { return p == PublicKey{} }

// MarshalText returns what String returns.
func (p PublicKey) MarshalText() ([]byte, error) { return appendHex(p[:]) }

// UnmarshalText is ParsePublicKey, except that 64 zeros are "none".
func (p *PublicKey) UnmarshalText(text []byte) error {
	b, err := parseHex32("public key", string(text))
	if err != nil || b == [32]byte{} {
		*p = b
		return err
	}
	*p, err = ParsePublicKey(string(text))
	return err
}

// A NodeID names a peer: its ed25519 public key, which TLS proves. Compared as
// a whole and never shortened except for people.
type NodeID [32]byte

// ParseNodeID reads 64 hex digits and refuses weak keys with ErrWeakKey.
// Fingerprints, as String writes them, are not reversible.
func ParseNodeID(text string) (NodeID, error) {
	return parseKey("node id", text)
}

// fingerprint returns the unpadded base64 of the SHA-256 of the key's OpenSSH
// encoding.
func (n NodeID) fingerprint() string {
	sum := sha256.Sum256(appendSSHPublic(nil, n))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// String returns the fingerprint that "ssh-keygen -l" prints for the same key:
// "SHA256:" and 43 base64 characters. MarshalText is the reversible form.
func (n NodeID) String() string { return "SHA256:" + n.fingerprint() }

// Short returns the first 8 characters of the fingerprint, without "SHA256:".
func (n NodeID) Short() string { return n.fingerprint()[:8] }

// Hex returns 64 hex digits, which ParseNodeID reads.
func (n NodeID) Hex() string { return hex.EncodeToString(n[:]) }

// IsZero reports whether no node has been set.
func (n NodeID) IsZero() bool { return n == NodeID{} }

// MarshalText returns 64 hex digits: what ParseNodeID reads.
func (n NodeID) MarshalText() ([]byte, error) { return appendHex(n[:]) }

// UnmarshalText is ParseNodeID.
func (n *NodeID) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNodeID(string(text))
	return err
}

// A ProducerID names who submitted an event. It is opaque here: a node's id, a
// client's key, or what DeriveProducer made of them. Never a credential.
type ProducerID [32]byte

// DeriveProducer returns the producer id of one labeled stream of submissions
// of a node: the node's own id for the empty label, else a hash of both.
func DeriveProducer(node NodeID, label string) ProducerID {
	if label == "" {
		return ProducerID(node)
	}
	b := append(make([]byte, 0, 128), tagProducer...)
	b = append(b, node[:]...)
	return sha256.Sum256(codec.AppendString(b, label))
}

// ParseProducerID reads 64 hex digits. Any 32 bytes are a producer id.
func ParseProducerID(text string) (ProducerID, error) {
	return parseHex32("producer id", text)
}

// String returns 64 hex digits.
func (p ProducerID) String() string { return hex.EncodeToString(p[:]) }

// Short returns the first 8 hex digits, for people reading logs.
func (p ProducerID) Short() string { return hex.EncodeToString(p[:4]) }

// IsZero reports whether no producer has been set, as in handover entries.
func (p ProducerID) IsZero() bool { return p == ProducerID{} }

// MarshalText returns what String returns.
func (p ProducerID) MarshalText() ([]byte, error) { return appendHex(p[:]) }

// UnmarshalText is ParseProducerID.
func (p *ProducerID) UnmarshalText(text []byte) (err error) {
	*p, err = ParseProducerID(string(text))
	return err
}

// A Signature is an ed25519 signature over a domain tag and a statement. It is
// not an identifier: a key's owner can make many for one statement.
type Signature [64]byte

// String returns 128 hex digits.
func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// IsZero reports whether nothing has been signed.
func (s Signature) IsZero() bool { return s == Signature{} }
