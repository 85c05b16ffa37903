package crypto

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"

	"github.com/ferrymesh/ferry/codec"
)

// MaxAuthorizedLine is the longest line ParseAuthorizedLine reads, in bytes.
const MaxAuthorizedLine = 4 << 10

// AuthorizedLine returns one line of an authorized-keys file, without a newline:
//
//	submit,migrate-in ssh-ed25519 AAAA… name
//
// Options are words of lower-case letters, digits and dashes; anything else
// could change the meaning of the line and is left out, which never grants
// more. Unprintable characters are dropped from the comment and its white space is
// collapsed, because names come from other peers.
func AuthorizedLine(node NodeID, options []string, comment string) string {
	var b strings.Builder
	for _, option := range options {
		if !isOption(option) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(option)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(sshKeyType + " ")
	b.WriteString(base64.StdEncoding.EncodeToString(appendSSHPublic(nil, node)))
	if comment = cleanComment(comment); comment != "" {
		b.WriteString(" " + comment)
	}
	return b.String()
}

// ParseAuthorizedLine reads such a line. It is meant for files that people edit:
// spaces and tabs around and between the fields do not matter. What the options
// mean, and what their absence means, is the caller's to decide; so are empty
// lines and comment lines, which are errors here.
//
// Errors: ErrAuthorizedLine, and ErrWeakKey for a key no node can have.
func ParseAuthorizedLine(line string) (node NodeID, options []string, comment string, err error) {
	fail := func(why string) (NodeID, []string, string, error) {
		return NodeID{}, nil, "", fmt.Errorf("%w: %s", ErrAuthorizedLine, why)
	}
	if len(line) > MaxAuthorizedLine {
		return fail("too long")
	}
	fields := strings.FieldsFunc(line, isBlank)
	if len(fields) > 0 && fields[0] != sshKeyType {
		options, fields = strings.Split(fields[0], ","), fields[1:]
	}
	for _, option := range options {
		if !isOption(option) {
			return fail("unknown form of options")
		}
	}
	if len(fields) < 2 || fields[0] != sshKeyType {
		return fail("want options, " + sshKeyType + ", key, name")
	}
	node, err = parseSSHPublic(fields[1])
	if err != nil {
		return NodeID{}, nil, "", wrapAs(ErrAuthorizedLine, err)
	}
	comment = strings.Join(fields[2:], " ")
	if comment != cleanComment(comment) {
		return fail("name is not printable text")
	}
	return node, options, comment, nil
}

// parseSSHPublic reads the base64 of a public key blob.
func parseSSHPublic(text string) (key [32]byte, err error) {
	// The decoder would skip line ends.
	if strings.ContainsAny(text, "\r\n") {
		return key, ErrAuthorizedLine
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return key, err
	}
	c := codec.NewCursor(blob)
	key = sshPublic(&c)
	return key, c.Finish()
}

// isOption reports whether an option is a plain word, and not one that reads
// like the next field.
func isOption(option string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}
	return option != "" && option != sshKeyType && !strings.ContainsFunc(option, odd)
}

// isBlank reports whether r separates fields.
func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// cleanComment returns the comment as one line of printable words.
func cleanComment(comment string) string {
	comment = strings.ToValidUTF8(comment, "")
	comment = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || isBlank(r) {
			return r
		}
		return -1
	}, comment)
	return strings.Join(strings.FieldsFunc(comment, isBlank), " ")
}
