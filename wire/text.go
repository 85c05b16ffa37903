package wire

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrymesh/ferry/codec"
)

// Text in a frame is shown to people, on terminals and in logs. It is therefore
// valid UTF-8 without control characters; a reader refuses anything else
// (protocol.md §3.1.8) instead of passing a peer's escape sequences on.

// parseText reads a string of at most max bytes.
func parseText(c *codec.Cursor, max int) string {
	s := c.String(max)
	if !printable(s) {
		c.Fail(ErrBadFrame)
	}
	return s
}

// printable reports whether s may stand in a frame.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, isControl) < 0
}

// isControl reports whether r is a control character of either range.
func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0
}

// ClipDetail makes any text fit the Detail field of a message: control
// characters and broken UTF-8 become '?', and the rest is cut at a character
// once MaxDetail bytes are reached. The append methods apply it, so that no
// error text, whoever wrote it, can keep a refusal from being sent.
func ClipDetail(s string) string {
	if !printable(s) {
		s = strings.Map(replaceControl, strings.ToValidUTF8(s, "?"))
	}
	if len(s) <= MaxDetail {
		return s
	}
	cut := MaxDetail
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// replaceControl maps control characters to a question mark.
func replaceControl(r rune) rune {
	if isControl(r) {
		return '?'
	}
	return r
}

// appendDetail appends a detail, made to fit.
func appendDetail(dst []byte, detail string) []byte {
	return codec.AppendString(dst, ClipDetail(detail))
}
