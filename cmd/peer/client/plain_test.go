package client

import "testing"

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"wire: refused":                 "refused",
		"peer: transport: nobody there": "nobody there",
		"no way to the target: transport: 127.0.0.1:9: no answer": "no way to the target: 127.0.0.1:9: no answer",
		"what failed is the: daemon":                              "what failed is the: daemon",
		"key.pub:3: crypto: malformed line":                       "key.pub:3: malformed line",
	} {
		if got := Plain(text); got != want {
			t.Errorf("Plain(%q) = %q, want %q", text, got, want)
		}
	}
}
