package crypto

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestAuthorized_RoundTrip: what is written reads back.
func TestAuthorized_RoundTrip(t *testing.T) {
	node := nodeOf("A")
	for _, test := range []struct {
		options []string
		comment string
	}{
		{nil, ""}, {nil, "laptop"}, {[]string{"submit"}, ""},
		{[]string{"submit", "migrate-in", "migrate-out", "administer"}, "rack 3, köln"},
	} {
		line := AuthorizedLine(node, test.options, test.comment)
		id, options, comment, err := ParseAuthorizedLine(line)
		if err != nil || id != node || !slices.Equal(options, test.options) || comment != test.comment {
			t.Errorf("%s: got %v %v %q, %v", line, id, options, comment, err)
		}
	}
}

// TestAuthorized_LooksLikeThis: the form people see in files.
func TestAuthorized_LooksLikeThis(t *testing.T) {
	blob := base64.StdEncoding.EncodeToString(appendSSHPublic(nil, nodeOf("A")))
	want := "submit,migrate-in ssh-ed25519 " + blob + " name"
	if got := AuthorizedLine(nodeOf("A"), []string{"submit", "migrate-in"}, "name"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(want))
	if err != nil || comment != "name" || len(options) != 2 || ssh.FingerprintSHA256(key) != nodeOf("A").String() {
		t.Errorf("x/crypto/ssh reads it as %v %v %q, %v", key, options, comment, err)
	}
}

// TestAuthorized_ByHand: spaces and tabs do not matter.
func TestAuthorized_ByHand(t *testing.T) {
	line := AuthorizedLine(nodeOf("A"), []string{"submit"}, "my node")
	loose := "\t " + strings.ReplaceAll(line, " ", " \t ") + "  "
	id, options, comment, err := ParseAuthorizedLine(loose)
	if err != nil || AuthorizedLine(id, options, comment) != line {
		t.Errorf("%q: got %v %v %q, %v", loose, id, options, comment, err)
	}
}

// TestAuthorized_Sanitizes: nothing put into a line can change what it means.
func TestAuthorized_Sanitizes(t *testing.T) {
	blob := base64.StdEncoding.EncodeToString(appendSSHPublic(nil, nodeOf("B")))
	line := AuthorizedLine(nodeOf("A"),
		[]string{"submit", "", "a b", "ssh-ed25519", "x,administer", "Caps", "q\"q\"", "n\nn"},
		"evil\nadminister ssh-ed25519 "+blob+"\x1b[2J\u202e \xff end")
	if strings.ContainsAny(line, "\n\x1b\u202e") || strings.Contains(line, "\xff") {
		t.Errorf("line %q", line)
	}
	id, options, comment, err := ParseAuthorizedLine(line)
	if err != nil || id != nodeOf("A") || !slices.Equal(options, []string{"submit"}) {
		t.Errorf("%q: got %v %v %q, %v", line, id, options, comment, err)
	}
}

// TestAuthorized_Refused: each malformation, with its class.
func TestAuthorized_Refused(t *testing.T) {
	good := AuthorizedLine(nodeOf("A"), nil, "")
	blob := strings.Fields(good)[1]
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	line := func(b []byte) string { return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(b) }
	for name, text := range map[string]string{
		"empty":           "",
		"blank":           " \t ",
		"comment line":    "# nodes",
		"no key":          "ssh-ed25519",
		"options only":    "submit",
		"no type":         "submit " + blob,
		"options twice":   "submit submit " + good,
		"quoted option":   `command="rm" ` + good,
		"empty option":    "submit,,administer " + good,
		"trailing comma":  "submit, " + good,
		"other type":      strings.TrimSpace(string(fixture(t, "ssh_rsa.pub"))),
		"RSA in disguise": "ssh-ed25519 " + strings.Fields(string(fixture(t, "ssh_rsa.pub")))[1],
		"not base64":      good + "!",
		"padded base64":   good + "=",
		"line end inside": "ssh-ed25519 " + blob[:10] + "\n" + blob[10:],
		"trailing bytes":  line(append(slices.Clone(raw), 0)),
		"cut short":       line(raw[:len(raw)-1]),
		"key of 31 bytes": line(append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x1f"), raw[20:]...)),
		"huge length":     line([]byte("\xff\xff\xff\xffssh-ed25519")),
		"terminal codes":  good + " \x1b[2J",
		"not UTF-8":       good + " \xff",
		"too long":        good + " " + strings.Repeat("x", MaxAuthorizedLine),
	} {
		id, options, comment, err := ParseAuthorizedLine(text)
		if !errors.Is(err, ErrAuthorizedLine) {
			t.Errorf("%s: got %v, want ErrAuthorizedLine", name, err)
		}
		if !id.IsZero() || options != nil || comment != "" {
			t.Errorf("%s: results beside the error", name)
		}
	}
}

// TestAuthorized_EveryBit of the key's text: another key, or refused; never the
// same key by another spelling.
func TestAuthorized_EveryBit(t *testing.T) {
	good := AuthorizedLine(nodeOf("A"), nil, "")
	for bit := range 8 * len(good) {
		bad := []byte(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if id, _, _, err := ParseAuthorizedLine(string(bad)); err == nil && id == nodeOf("A") {
			t.Errorf("%q reads as the same key", bad)
		}
	}
}
