package client

import "strings"

// plainWord is what a word can have that means nothing to a shell, besides letters and digits.
const plainWord = "@%+=:,./_-"

// Quote is a word as it is pasted into a POSIX shell: as it is, or in quotes if a shell would read something else. Names
// of daemons and nodes can have anything that prints.
func Quote(word string) string {
	special := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(plainWord, r))
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
