package crypto

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ferrymesh/ferry/codec"
)

// Key files are OpenSSH's own format, without a passphrase, for one ed25519
// key:
//
//	"openssh-key-v1" 0 | string "none" | string "none" | string "" | uint32 1
//	| string public blob | string private section
//
// and in the private section:
//
//	uint32 check | uint32 the same check | string "ssh-ed25519" | string key 32
//	| string seed ‖ key 64 | string comment | padding 1, 2, 3 … to 8 bytes
//
// all in base64 between two marker lines. Of the secret only the seed is used:
// the public half is made from it and compared with the three copies in the
// file. Files written here carry one more line, a checksum over the text
// before it, because nothing in OpenSSH's format would notice a damaged
// comment. OpenSSH ignores the line; files without it load as well.

const (
	sshBegin = "-----BEGIN OPENSSH PRIVATE KEY-----\n"
	sshEnd   = "-----END OPENSSH PRIVATE KEY-----\n"
	sshMagic = "openssh-key-v1\x00"

	// sshBlock is what the private section is padded to without a cipher.
	sshBlock = 8
	// sshColumns is the line length of the base64 text, as ssh-keygen writes it.
	sshColumns = 70

	checksumLabel = "ferry-checksum "

	// MaxComment is the longest comment of a key, in bytes.
	MaxComment = 256
	// MaxKeyFile is the size of the largest key file that is read, in bytes.
	MaxKeyFile = 4 << 10
)

// marshalKey returns the text of the key file for a seed. The same seed and
// comment always give the same text: the two check words, random in OpenSSH,
// are derived, so that nothing here needs a random source.
func marshalKey(seed [32]byte, comment string) ([]byte, error) {
	if err := checkComment(comment); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed[:])
	defer clear(private)
	public := [32]byte(private[32:])

	section := appendPrivateSection(nil, private, comment)
	defer clear(section)
	b := []byte(sshMagic)
	b = appendSSHString(b, "none")
	b = appendSSHString(b, "none")
	b = appendSSHString(b, "")
	b = codec.AppendUint32(b, 1)
	b = appendSSHString(b, appendSSHPublic(nil, public))
	b = appendSSHString(b, section)
	defer clear(b)
	return appendChecksum(appendArmor(nil, b)), nil
}

// appendPrivateSection appends the part that a passphrase would encrypt.
func appendPrivateSection(dst []byte, private ed25519.PrivateKey, comment string) []byte {
	seed := private.Seed()
	defer clear(seed)
	sum := sha256.Sum256(append(append([]byte(tagKeyFile), seed...), comment...))
	dst = append(append(dst, sum[:4]...), sum[:4]...)
	dst = appendSSHPublic(dst, [32]byte(private[32:]))
	dst = appendSSHString(dst, []byte(private))
	dst = appendSSHString(dst, comment)
	for pad := byte(1); len(dst)%sshBlock != 0; pad++ {
		dst = append(dst, pad)
	}
	return dst
}

// appendArmor appends b in base64 between the marker lines.
func appendArmor(dst, b []byte) []byte {
	text := base64.StdEncoding.AppendEncode(nil, b)
	defer clear(text)
	dst = append(dst, sshBegin...)
	for len(text) > 0 {
		n := min(sshColumns, len(text))
		dst = append(append(dst, text[:n]...), '\n')
		text = text[n:]
	}
	return append(dst, sshEnd...)
}

// appendChecksum appends the line that covers all the text before it.
func appendChecksum(text []byte) []byte {
	sum := sha256.Sum256(append([]byte(tagKeyFile), text...))
	text = append(text, checksumLabel...)
	return append(hex.AppendEncode(text, sum[:]), '\n')
}

// parseKeyText reads a key file's text and returns the seed, which the caller
// clears, and the comment. Errors match ErrKeyFile, or are ErrKeyEncrypted.
func parseKeyText(text []byte) (seed [32]byte, comment string, err error) {
	b, err := unarmor(text)
	if err != nil {
		return seed, "", err
	}
	defer clear(b)
	c := codec.NewCursor(b)
	public, section := sshEnvelope(&c)
	if err := c.Finish(); err != nil {
		return seed, "", wrapKeyFile(err)
	}
	c = codec.NewCursor(section)
	seed, comment = sshSection(&c, public)
	if err := c.Finish(); err != nil {
		clear(seed[:])
		return seed, "", wrapKeyFile(err)
	}
	return seed, comment, nil
}

// wrapKeyFile classes an error, except that a passphrase is no malformation.
func wrapKeyFile(err error) error {
	if err == ErrKeyEncrypted {
		return err
	}
	return wrapAs(ErrKeyFile, err)
}

// unarmor returns the bytes between the marker lines. It accepts any line
// length, and after the end marker nothing, or the right checksum line.
func unarmor(text []byte) ([]byte, error) {
	if len(text) > MaxKeyFile {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrKeyFile, MaxKeyFile)
	}
	body, ok := bytes.CutPrefix(text, []byte(sshBegin))
	if !ok {
		return nil, fmt.Errorf("%w: no OpenSSH private key", ErrKeyFile)
	}
	body, after, ok := bytes.Cut(body, []byte(sshEnd))
	if !ok {
		return nil, fmt.Errorf("%w: no end marker", ErrKeyFile)
	}
	if whole := text[:len(text)-len(after)]; len(after) > 0 {
		if want := appendChecksum(bytes.Clone(whole))[len(whole):]; !bytes.Equal(after, want) {
			return nil, fmt.Errorf("%w: wrong checksum", ErrKeyFile)
		}
	}
	// The decoder skips \r and \n by itself; only \n belongs here.
	if bytes.IndexByte(body, '\r') >= 0 {
		return nil, fmt.Errorf("%w: carriage return", ErrKeyFile)
	}
	b, err := base64.StdEncoding.Strict().AppendDecode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyFile, err)
	}
	return b, nil
}

// sshEnvelope reads the outer part of the format.
func sshEnvelope(c *codec.Cursor) (public [32]byte, section []byte) {
	if string(c.Take(len(sshMagic))) != sshMagic {
		c.Fail(ErrKeyFile)
	}
	cipher, kdf := sshString(c, 64), sshString(c, 64)
	options, keys := sshString(c, 1024), c.Uint32()
	if c.Err() == nil && string(cipher) != "none" {
		c.Fail(ErrKeyEncrypted)
	}
	if string(kdf) != "none" || len(options) != 0 || keys != 1 {
		c.Fail(ErrKeyFile)
	}
	blob := codec.NewCursor(sshString(c, 256))
	public = sshPublic(&blob)
	c.Fail(blob.Finish())
	return public, sshString(c, MaxKeyFile)
}

// sshSection reads the private section. Everything in it that the seed
// determines is compared with what the seed gives.
func sshSection(c *codec.Cursor, public [32]byte) (seed [32]byte, comment string) {
	length := c.Rest()
	if first, second := c.Uint32(), c.Uint32(); first != second {
		c.Fail(fmt.Errorf("%w: check words differ", ErrKeyFile))
	}
	if sshPublic(c) != public {
		c.Fail(fmt.Errorf("%w: two public keys", ErrKeyFile))
	}
	private := sshFixed(c, ed25519.PrivateKeySize)
	comment = string(sshString(c, MaxComment))
	c.Fail(checkComment(comment))
	for pad := byte(1); c.Rest() > 0; pad++ {
		if c.Uint8() != pad {
			c.Fail(fmt.Errorf("%w: padding", ErrKeyFile))
		}
	}
	if c.Err() != nil || length%sshBlock != 0 {
		c.Fail(fmt.Errorf("%w: padding", ErrKeyFile))
		return seed, ""
	}
	copy(seed[:], private)
	rebuilt := ed25519.NewKeyFromSeed(seed[:])
	defer clear(rebuilt)
	if !bytes.Equal(rebuilt, private) || [32]byte(rebuilt[32:]) != public {
		c.Fail(fmt.Errorf("%w: public half does not belong to the seed", ErrKeyFile))
	}
	return seed, comment
}

// checkComment refuses what would corrupt a line or a terminal.
func checkComment(comment string) error {
	if len(comment) > MaxComment {
		return fmt.Errorf("%w: comment of %d bytes, at most %d", ErrKeyFile, len(comment), MaxComment)
	}
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if !utf8.ValidString(comment) || strings.ContainsFunc(comment, odd) {
		return fmt.Errorf("%w: comment is not printable text", ErrKeyFile)
	}
	return nil
}
