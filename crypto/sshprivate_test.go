package crypto

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// fixture reads a file that ssh-keygen made, kept so that its formats are
// tested where the program is missing.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestKeyFile_FixtureOfSSHKeygen: the same key, comment, public line and
// fingerprint as OpenSSH sees.
func TestKeyFile_FixtureOfSSHKeygen(t *testing.T) {
	k, comment, err := ParseNodeKey(fixture(t, "ssh_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	if comment != "ferry test key" {
		t.Errorf("comment %q", comment)
	}
	line := strings.TrimSpace(string(fixture(t, "ssh_ed25519.pub")))
	if got := AuthorizedLine(k.ID(), nil, comment); got != line {
		t.Errorf("public line\n%s, want\n%s", got, line)
	}
	if print := string(fixture(t, "ssh_ed25519.fingerprint")); !strings.Contains(print, k.ID().String()) {
		t.Errorf("fingerprint %s, want the one in %s", k.ID(), print)
	}
}

// TestKeyFile_RoundTrip: for comments of all lengths modulo the padding, both
// kinds of key, and stable text.
func TestKeyFile_RoundTrip(t *testing.T) {
	n, e := nodeKeyOf("A"), keyOf("entity")
	for length := range 20 {
		comment := strings.Repeat("ü", length/2) + strings.Repeat("c", length%2)
		text, err := MarshalNodeKey(n, comment)
		if err != nil {
			t.Fatal(err)
		}
		back, got, err := ParseNodeKey(text)
		if err != nil || got != comment || !back.Equal(n) {
			t.Errorf("%q: got %q, %v", comment, got, err)
		}
		if again, err := MarshalNodeKey(back, comment); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q: the text is not stable: %v", comment, err)
		}
		text, err = MarshalEntityKey(e, comment)
		if err != nil {
			t.Fatal(err)
		}
		entity, got, err := ParseEntityKey(text)
		if err != nil || got != comment || !entity.Equal(e) {
			t.Errorf("%q: got %q, %v", comment, got, err)
		}
	}
}

// TestKeyFile_AgreesWithXCrypto reads our files with golang.org/x/crypto/ssh and
// its files, of another line length, with ours.
func TestKeyFile_AgreesWithXCrypto(t *testing.T) {
	seed := seedOf("node A")
	ours, err := MarshalNodeKey(nodeKeyOf("A"), "comment")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ssh.ParseRawPrivateKey(ours)
	if err != nil {
		t.Fatal(err)
	}
	want := ed25519.NewKeyFromSeed(seed[:])
	if key, ok := theirs.(*ed25519.PrivateKey); !ok || !key.Equal(want) {
		t.Errorf("x/crypto/ssh reads another key: %T", theirs)
	}
	block, err := ssh.MarshalPrivateKey(want, "comment")
	if err != nil {
		t.Fatal(err)
	}
	k, comment, err := ParseNodeKey(pemLines(block.Bytes, 64))
	if err != nil || !k.Equal(nodeKeyOf("A")) || comment != "comment" {
		t.Errorf("x/crypto's file reads as %v, %q, %v", k, comment, err)
	}
}

// pemLines armors bytes with another line length than ours.
func pemLines(b []byte, columns int) []byte {
	text := []byte(sshBegin)
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(b)), columns) {
		text = append(append(text, line...), '\n')
	}
	return append(text, sshEnd...)
}

// TestD5_EveryByteOfAKeyFile: our own files are refused with any byte changed,
// in eight ways, and at any length but their own.
func TestD5_EveryByteOfAKeyFile(t *testing.T) {
	t.Parallel()
	text, err := MarshalNodeKey(nodeKeyOf("A"), "a comment")
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(text) {
		bad := bytes.Clone(text)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, _, err := ParseNodeKey(bad); !errors.Is(err, ErrKeyFile) && !errors.Is(err, ErrKeyEncrypted) {
			t.Errorf("bit %d of byte %d (%q): got %v", bit%8, bit/8, text[bit/8], err)
		}
	}
	// Cut before the checksum line it is a file like ssh-keygen's.
	plain := bytes.Index(text, []byte(checksumLabel))
	for n := range len(text) {
		if _, _, err := ParseNodeKey(text[:n]); (err == nil) != (n == plain) {
			t.Errorf("%d of %d bytes: got %v", n, len(text), err)
		}
	}
	if _, _, err := ParseNodeKey(append(text, '\n')); !errors.Is(err, ErrKeyFile) {
		t.Errorf("trailing byte: got %v", err)
	}
}

// TestD5_EveryByteOfAnSSHKeygenFile: here a changed byte of the comment goes
// unnoticed, but never one of the key.
func TestD5_EveryByteOfAnSSHKeygenFile(t *testing.T) {
	t.Parallel()
	text := fixture(t, "ssh_ed25519")
	want, comment, err := ParseNodeKey(text)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(text) {
		bad := bytes.Clone(text)
		bad[bit/8] ^= 1 << (bit % 8)
		k, changed, err := ParseNodeKey(bad)
		if err == nil && (!k.Equal(want) || changed == comment || len(changed) != len(comment)) {
			t.Errorf("bit %d of byte %d: loads as %v, %q", bit%8, bit/8, k, changed)
		}
	}
}

// keyParts lets a test put together a key file of parts that do not fit.
type keyParts struct {
	magic, cipher, kdf, options string
	keys                        uint32
	outer, inner                [32]byte
	private                     []byte
	check                       [2]uint32
	comment                     string
	padding                     []byte
}

// goodParts are the parts of a key without a comment.
func goodParts() keyParts {
	seed := seedOf("node A")
	private := ed25519.NewKeyFromSeed(seed[:])
	public := [32]byte(private[32:])
	return keyParts{
		magic: sshMagic, cipher: "none", kdf: "none", keys: 1, outer: public, inner: public,
		private: private, comment: "12345678", padding: []byte{1, 2, 3, 4, 5},
	}
}

// text assembles the file.
func (p keyParts) text() []byte {
	be := func(v uint32) []byte { return []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)} }
	section := append(be(p.check[0]), be(p.check[1])...)
	section = appendSSHPublic(section, p.inner)
	section = appendSSHString(section, p.private)
	section = append(appendSSHString(section, p.comment), p.padding...)
	b := appendSSHString([]byte(p.magic), p.cipher)
	b = appendSSHString(appendSSHString(b, p.kdf), p.options)
	b = append(b, be(p.keys)...)
	b = appendSSHString(b, appendSSHPublic(nil, p.outer))
	return pemLines(appendSSHString(b, section), sshColumns)
}

// TestD5_KeyFileParts: every part that contradicts another, or that this reader
// does not know. A public half that does not belong to the seed is the
// dangerous one: one signature with it would give the secret away.
func TestD5_KeyFileParts(t *testing.T) {
	if _, _, err := ParseNodeKey(goodParts().text()); err != nil {
		t.Fatalf("the good parts: %v", err)
	}
	other := [32]byte(nodeOf("B"))
	for name, test := range map[string]struct {
		change func(p *keyParts)
		want   error
	}{
		"magic":            {func(p *keyParts) { p.magic = "openssh-key-v2\x00" }, ErrKeyFile},
		"cipher":           {func(p *keyParts) { p.cipher = "aes256-ctr" }, ErrKeyEncrypted},
		"kdf":              {func(p *keyParts) { p.kdf = "bcrypt" }, ErrKeyFile},
		"kdf options":      {func(p *keyParts) { p.options = "x" }, ErrKeyFile},
		"no key":           {func(p *keyParts) { p.keys = 0 }, ErrKeyFile},
		"two keys":         {func(p *keyParts) { p.keys = 2 }, ErrKeyFile},
		"outer public":     {func(p *keyParts) { p.outer = other }, ErrKeyFile},
		"inner public":     {func(p *keyParts) { p.inner = other }, ErrKeyFile},
		"both public":      {func(p *keyParts) { p.inner, p.outer = other, other }, ErrKeyFile},
		"all three public": {func(p *keyParts) { p.inner, p.outer = other, other; copy(p.private[32:], other[:]) }, ErrKeyFile},
		"weak public":      {func(p *keyParts) { p.inner, p.outer = smallOrder[0], smallOrder[0] }, ErrWeakKey},
		"seed":             {func(p *keyParts) { p.private[0] ^= 1 }, ErrKeyFile},
		"short private":    {func(p *keyParts) { p.private = p.private[:32] }, ErrKeyFile},
		"check words":      {func(p *keyParts) { p.check[1] = 1 }, ErrKeyFile},
		"padding value":    {func(p *keyParts) { p.padding[4] = 6 }, ErrKeyFile},
		"padding missing":  {func(p *keyParts) { p.padding = nil }, ErrKeyFile},
		"terminal codes":   {func(p *keyParts) { p.comment = "\x1b[2J5678" }, ErrKeyFile},
		"not UTF-8":        {func(p *keyParts) { p.comment = "\xff2345678" }, ErrKeyFile},
	} {
		p := goodParts()
		test.change(&p)
		if _, _, err := ParseNodeKey(p.text()); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if _, _, err := ParseEntityKey(p.text()); !errors.Is(err, test.want) {
			t.Errorf("%s as entity: got %v, want %v", name, err, test.want)
		}
	}
}

// TestKeyFile_Refused: other kinds of files.
func TestKeyFile_Refused(t *testing.T) {
	good := string(fixture(t, "ssh_ed25519"))
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"empty":           {"", ErrKeyFile},
		"a public key":    {string(fixture(t, "ssh_ed25519.pub")), ErrKeyFile},
		"an RSA key":      {string(fixture(t, "ssh_rsa")), ErrKeyFile},
		"a passphrase":    {string(fixture(t, "ssh_ed25519_locked")), ErrKeyEncrypted},
		"Windows lines":   {strings.ReplaceAll(good, "\n", "\r\n"), ErrKeyFile},
		"no last newline": {strings.TrimSuffix(good, "\n"), ErrKeyFile},
		"text before":     {"x\n" + good, ErrKeyFile},
		"text after":      {good + "x\n", ErrKeyFile},
		"too large":       {good + strings.Repeat("\n", MaxKeyFile), ErrKeyFile},
		"not base64":      {sshBegin + "!!!!\n" + sshEnd, ErrKeyFile},
		"nothing inside":  {sshBegin + sshEnd, ErrKeyFile},
	} {
		if _, _, err := ParseNodeKey([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// TestKeyFile_Comments that would corrupt a line are not written.
func TestKeyFile_Comments(t *testing.T) {
	for _, comment := range []string{"a\nb", "\x00", "\xff", "\u202e", strings.Repeat("x", MaxComment+1)} {
		if _, err := MarshalNodeKey(nodeKeyOf("A"), comment); !errors.Is(err, ErrKeyFile) {
			t.Errorf("%q: got %v, want ErrKeyFile", comment, err)
		}
	}
	if _, err := MarshalNodeKey(nodeKeyOf("A"), strings.Repeat("x", MaxComment)); err != nil {
		t.Error(err)
	}
}
