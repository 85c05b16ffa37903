package admin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// checkName refuses names that could not be typed, printed or sent.
func checkName(name string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' || r == '/' }
	switch {
	case len(name) > wire.MaxName:
		return badName("the name has %d bytes, at most %d are allowed", len(name), wire.MaxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, bad):
		return badName("the name %q has characters that a name cannot have: spaces, slashes, or what does not print", name)
	}
	return nil
}

// badName is the problem of a name.
func badName(format string, args ...any) error {
	return client.Problemf(client.CodeUsage, "bad_name", format, args...).Now("nothing was started").Then("the same command with another name")
}

// join lists words for a sentence.
func join(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
