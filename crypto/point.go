package crypto

import (
	"bytes"
	"encoding/hex"
	"slices"

	"filippo.io/edwards25519"
)

// Ed25519 public keys are points (x, y) with -x² + y² = 1 + d·x²·y² modulo
// p = 2²⁵⁵ - 19, written as y in 32 bytes, least significant first, with the
// lowest bit of x on top. crypto/ed25519 is liberal in three ways that matter
// when keys name things and signatures prove things: it takes y ≥ p, it takes
// the eight points of small order, and it looks at the curve only when it
// verifies. CheckPublicKey is strict where a key comes in.

// smallOrder lists the canonical encodings of all points whose order divides
// 8. A signature by such a key can be fitted to many messages or to all.
var smallOrder = [8][32]byte{
	point("0100000000000000000000000000000000000000000000000000000000000000"), // order 1, the identity
	point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), // order 2
	point("0000000000000000000000000000000000000000000000000000000000000000"), // order 4
	point("0000000000000000000000000000000000000000000000000000000000000080"), // order 4
	point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), // order 8
	point("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"), // order 8
	point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), // order 8
	point("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"), // order 8
}

// point decodes one line of the table above.
func point(text string) (b [32]byte) {
	if n, err := hex.Decode(b[:], []byte(text)); err != nil || n != len(b) {
		panic("crypto: internal error: bad point table")
	}
	return b
}

// CheckPublicKey returns nil if pub is the canonical encoding of a curve point
// that is not of small order, and ErrWeakKey otherwise. It runs wherever a key
// is decoded: text, key files, authorized lines, handovers, genesis records.
// It costs about a tenth of a verification.
func CheckPublicKey(pub [32]byte) error {
	if isWeakPoint(pub) || !onCurve(pub) {
		return ErrWeakKey
	}
	return nil
}

// isWeakPoint reports whether pub is of small order or a non-canonical
// encoding. It costs nanoseconds and does not tell whether pub is on the curve.
func isWeakPoint(pub [32]byte) bool {
	if !isCanonical(pub) {
		return true
	}
	if slices.Contains(smallOrder[:], pub) {
		return true
	}
	// Where x is 0 its sign cannot be 1: second spellings of y = 1 and y = -1.
	// These are the only two points with x = 0, and both are in the table.
	pub[31] &= 0x7f
	return pub == smallOrder[0] || pub == smallOrder[1]
}

// isCanonical reports whether y, the sign bit left out, is below p.
func isCanonical(pub [32]byte) bool {
	// p is ed ff … ff 7f: only y with all the upper bytes set can reach it.
	if pub[31]&0x7f != 0x7f || pub[0] < 0xed {
		return true
	}
	ones := bytes.Repeat([]byte{0xff}, 30)
	return !bytes.Equal(pub[1:31], ones)
}

// onCurve reports whether some x satisfies the curve's equation for the y in pub.
func onCurve(pub [32]byte) bool {
	_, err := new(edwards25519.Point).SetBytes(pub[:])
	return err == nil
}
