package crypto

import (
	"encoding/hex"
	"fmt"
)

// The text form of every 32-byte type is 64 lower-case hex digits. Upper case
// is refused, so that one value has one text and texts can be compared.

// parseHex32 reads the text form; what names the type in the error.
func parseHex32(what, text string) (b [32]byte, err error) {
	if len(text) != 2*len(b) {
		return b, fmt.Errorf("crypto: %s of %d characters, want %d", what, len(text), 2*len(b))
	}
	for i := range len(text) {
		if c := text[i]; c >= 'A' && c <= 'F' {
			return b, fmt.Errorf("crypto: %s has upper-case hex digits", what)
		}
	}
	if _, err := hex.Decode(b[:], []byte(text)); err != nil {
		return [32]byte{}, fmt.Errorf("crypto: %s: %w", what, err)
	}
	return b, nil
}

// parseKey reads the text form of a type that is an ed25519 public key and
// refuses weak ones: text is an entrance for keys like any other.
func parseKey(what, text string) ([32]byte, error) {
	b, err := parseHex32(what, text)
	if err != nil {
		return b, err
	}
	if err := CheckPublicKey(b); err != nil {
		return [32]byte{}, fmt.Errorf("%w: %s", err, what)
	}
	return b, nil
}

// appendHex is what all MarshalText methods return.
func appendHex(b []byte) ([]byte, error) {
	return hex.AppendEncode(nil, b), nil
}
