package crypto

import (
	"crypto/sha256"
	"fmt"

	"github.com/ferrymesh/ferry/codec"
)

// MaxKind is the longest name of a kind of daemon, in bytes.
const MaxKind = 64

// A Genesis is a daemon's birth record: entry 0 of its log and the first item
// of its passport. Signed by the entity's own key.
type Genesis struct {
	// Entity is the key the daemon was born with.
	Entity EntityID
	// Kind names what sort of daemon it is, at most MaxKind bytes.
	Kind string
	// Administrator is the key that may sign forced handovers. Zero is none:
	// then nobody ever can.
	Administrator PublicKey
	// Signature is the entity's, over all of the above.
	Signature Signature
}

// SignGenesis makes the birth record of the entity whose key is given. The
// administrator is a key or zero. Errors: ErrCannotSign, ErrWeakKey for the
// administrator's key, ErrBadGenesis for the kind.
func SignGenesis(key *EntityKeypair, kind string, administrator PublicKey) (Genesis, error) {
	g := Genesis{Entity: EntityID(key.Public()), Kind: kind, Administrator: administrator}
	if err := g.check(); err != nil {
		return Genesis{}, err
	}
	var err error
	g.Signature, err = key.Sign(DomainGenesis, g.appendStatement(nil))
	if err != nil {
		return Genesis{}, err
	}
	return g, nil
}

// check holds the rules that need no signature.
func (g Genesis) check() error {
	if len(g.Kind) > MaxKind {
		return fmt.Errorf("%w: kind of %d bytes, at most %d", ErrBadGenesis, len(g.Kind), MaxKind)
	}
	if g.Administrator.IsZero() {
		return nil
	}
	if err := g.Administrator.Check(); err != nil {
		return fmt.Errorf("%w: administrator", err)
	}
	return nil
}

// Verify checks the record's form and its signature. Errors: ErrBadGenesis,
// ErrWeakKey, ErrBadSignature.
func (g Genesis) Verify() error {
	if err := g.check(); err != nil {
		return err
	}
	key := PublicKey(g.Entity)
	if key.Verify(DomainGenesis, g.appendStatement(nil), g.Signature) {
		return nil
	}
	return fmt.Errorf("%w: genesis of %s", key.whyNot(), g.Entity.Short())
}

// appendStatement appends what is signed:
//
//	entity 32 | administrator 32, zero for none | kind length uvarint | kind
func (g Genesis) appendStatement(dst []byte) []byte {
	dst = append(dst, g.Entity[:]...)
	dst = append(dst, g.Administrator[:]...)
	return codec.AppendString(dst, g.Kind)
}

// AppendGenesis appends the statement and then the signature, 64 bytes.
func AppendGenesis(dst []byte, g Genesis) []byte {
	return append(g.appendStatement(dst), g.Signature[:]...)
}

// DecodeGenesis reads what AppendGenesis wrote. It verifies nothing.
func DecodeGenesis(c *codec.Cursor) Genesis {
	var g Genesis
	c.Fixed(g.Entity[:])
	c.Fixed(g.Administrator[:])
	g.Kind = c.String(MaxKind)
	c.Fixed(g.Signature[:])
	return g
}

// Digest commits to the statement, not to the signature: it is the parent of
// the log's first event.
func (g Genesis) Digest() Digest {
	b := append(make([]byte, 0, 256), tagGenesis...)
	return sha256.Sum256(g.appendStatement(b))
}

// Head returns the head of the log of a daemon just born.
func (g Genesis) Head() Head {
	return Head{Origin: OriginOf(g.Entity), Digest: g.Digest()}
}
