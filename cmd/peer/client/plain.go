package client

import (
	"slices"
	"strings"
)

// packages begin the texts of errors in programs; to an operator they mean nothing.
var packages = []string{"peer", "node", "wire", "subproto", "transport", "daemon", "target", "source", "orchestrator", "codec", "crypto", "journal", "kinds"}

// Plain is the text of an error for people: without the names of packages that lead its parts.
func Plain(text string) string {
	parts := strings.Split(text, ": ")
	last := parts[len(parts)-1] // says what went wrong, whatever its words
	kept := slices.DeleteFunc(parts[:len(parts)-1], func(part string) bool { return slices.Contains(packages, part) })
	return strings.Join(append(kept, last), ": ")
}
