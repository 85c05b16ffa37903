package client

import "testing"

// TestQuote: what is pasted means the name and nothing else to a shell.
func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"edge-b": "edge-b", "SHA256:pz+/4": "SHA256:pz+/4", "": "''", "a;b": "'a;b'", "$(id)": "'$(id)'",
		"`id`": "'`id`'", "don't": `'don'\''t'`, `a\b`: `'a\b'`, "two words": "'two words'", "~": "'~'", "größe": "'größe'",
	} {
		if got := Quote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
