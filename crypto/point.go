package crypto

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"slices"
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

// The curve's constants: the prime p and d = -121665/121666 modulo p.
var (
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD     = func() *big.Int {
		inverse := new(big.Int).ModInverse(big.NewInt(121666), fieldPrime)
		d := new(big.Int).Mul(big.NewInt(-121665), inverse)
		return d.Mod(d, fieldPrime)
	}()
)

// CheckPublicKey returns nil if pub is the canonical encoding of a curve point
// that is not of small order, and ErrWeakKey otherwise. It runs wherever a key
// is decoded: text, key files, authorized lines, handovers, genesis records.
// It costs about a quarter of a verification, and not in constant time: public
// keys are no secret.
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

// onCurve reports whether some x satisfies the curve's equation for the y in
// pub: x² = (y² - 1) / (d·y² + 1). The divisor is never 0, because -1/d is not
// a square, and u/v is a square exactly if u·v is; so one Jacobi symbol tells.
func onCurve(pub [32]byte) bool {
	pub[31] &= 0x7f
	slices.Reverse(pub[:]) // big.Int reads the most significant byte first
	y := new(big.Int).SetBytes(pub[:])
	y2 := y.Mul(y, y)
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := y2.Mul(y2, curveD)
	v.Add(v, big.NewInt(1))
	u.Mul(u, v).Mod(u, fieldPrime)
	return big.Jacobi(u, fieldPrime) >= 0
}
