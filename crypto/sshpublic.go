package crypto

import (
	"errors"

	"github.com/ferrymesh/ferry/codec"
)

// sshKeyType is the only key type there is here.
const sshKeyType = "ssh-ed25519"

// errNotEd25519 is wrapped by what was being read: a key file or a line.
var errNotEd25519 = errors.New("not an ssh-ed25519 key")

// appendSSHString appends b as OpenSSH does: 4 bytes of length, then b.
func appendSSHString[T []byte | string](dst []byte, b T) []byte {
	dst = codec.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// sshString reads what appendSSHString wrote, of at most limit bytes.
func sshString(c *codec.Cursor, limit uint32) []byte {
	n := c.Uint32()
	if n > limit {
		c.Fail(codec.ErrLimit)
		return nil
	}
	return c.Take(int(n))
}

// appendSSHPublic appends an OpenSSH public key blob:
//
//	string "ssh-ed25519" | string key 32
func appendSSHPublic(dst []byte, key [32]byte) []byte {
	dst = appendSSHString(dst, sshKeyType)
	return appendSSHString(dst, key[:])
}

// sshPublic reads such a blob and refuses weak keys.
func sshPublic(c *codec.Cursor) (key [32]byte) {
	if string(sshString(c, 64)) != sshKeyType {
		c.Fail(errNotEd25519)
	}
	copy(key[:], sshFixed(c, len(key)))
	if c.Err() == nil {
		c.Fail(CheckPublicKey(key))
	}
	return key
}

// sshFixed reads a string that must have exactly n bytes.
func sshFixed(c *codec.Cursor, n int) []byte {
	b := sshString(c, uint32(n))
	if len(b) != n {
		c.Fail(errNotEd25519)
		return nil
	}
	return b
}
