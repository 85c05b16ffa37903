package kinds

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParseUint(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		n := rng.Uint64() >> rng.UintN(64)
		if got, ok := parseUint(fmt.Append(nil, n)); !ok || got != n {
			t.Errorf("%d was read as %d, %v", n, got, ok)
		}
	}
	for _, bad := range []string{"", "01", "-1", "+1", "1 ", "x", "18446744073709551616", "20000000000000000000", "100000000000000000000"} {
		if n, ok := parseUint([]byte(bad)); ok {
			t.Errorf("%q was read as %d", bad, n)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "7": 7, "1KiB": 1 << 10, "64MiB": 64 << 20, "3GiB": 3 << 30} {
		if got, ok := parseSize([]byte(text)); !ok || got != want {
			t.Errorf("%s was read as %d, %v", text, got, ok)
		}
	}
	for _, bad := range []string{"KiB", "1kB", "1TiB", "1MiBMiB", "18446744073709551615KiB"} {
		if n, ok := parseSize([]byte(bad)); ok {
			t.Errorf("%q was read as %d", bad, n)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-1": -1, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63} {
		if got, ok := parseInt(text); !ok || got != want {
			t.Errorf("%s was read as %d, %v", text, got, ok)
		}
	}
	for _, bad := range []string{"", "-", "-0", "+1", "01", "1_000", "0x1", " 1", "9223372036854775808"} {
		if n, ok := parseInt(bad); ok {
			t.Errorf("%q was read as %d", bad, n)
		}
	}
}

func TestCutWord(t *testing.T) {
	for text, want := range map[string][3]string{
		"": {"", "", "false"}, "a": {"a", "", "false"}, "a ": {"a", "", "true"}, "a b c": {"a", "b c", "true"}, " a": {"", "a", "true"},
	} {
		word, rest, more := cutWord([]byte(text))
		if got := [3]string{string(word), string(rest), fmt.Sprint(more)}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// An error shows the payload, but not all of a long one, and never as it is.
func TestMalformedText(t *testing.T) {
	err := malformed("kv", "something else", []byte("a\n\x1b[31m"))
	if got, want := err.Error(), `kinds: malformed payload: kv: "a\n\x1b[31m": expected something else`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	err = malformed("kv", "less", []byte(strings.Repeat("x", 1000)))
	if got := err.Error(); len(got) > 120 || !strings.Contains(got, `x"...:`) {
		t.Errorf("%s", got)
	}
}
