package wire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestChecksAreTheDecoders: what the checks let through can be read, and what they refuse cannot.
func TestChecksAreTheDecoders(t *testing.T) {
	texts := []string{"", "a", "ä", strings.Repeat("l", MaxLabel), strings.Repeat("l", MaxLabel+1), strings.Repeat("a", MaxAddr), strings.Repeat("a", MaxAddr+1), "a\n", "\x1b[2J", "\xff"}
	for _, s := range texts {
		t.Run(fmt.Sprintf("%.10q %d", s, len(s)), func(t *testing.T) {
			agree(t, CheckLabel(s), &Open{Origin: 1, Label: s})
			agree(t, CheckName(s), &Hello{Versions: []VersionRange{{Subprotocol: SubSession, Min: 1, Max: 1}}, Name: s})
			agree(t, CheckAddrs([]string{"a:1", s}), &TakeSnapshot{Addrs: []string{"a:1", s}})
		})
	}
	for _, n := range []int{0, MaxAddrs, MaxAddrs + 1} {
		addrs := slices.Repeat([]string{"a:1"}, n)
		agree(t, CheckAddrs(addrs), &TakeSnapshot{Addrs: addrs})
	}
	for _, n := range []int{0, MaxPayload, MaxPayload + 1} {
		payload := make([]byte, n)
		agree(t, CheckSubmission("label", payload), &Submit{Label: "label", Items: []Submission{{Seq: 1, Payload: payload}}})
	}
}

// agree compares what a check says with what the reader of the message does.
func agree(t *testing.T, said error, m Message) {
	t.Helper()
	h, body, _, err := SplitFrame(AppendFrame(nil, m))
	if err == nil {
		_, err = Decode(h, body)
	}
	if (said == nil) != (err == nil) {
		t.Errorf("the check says %v, the reader of %s %v", said, m.Type(), err)
	}
	if said != nil && !errors.Is(said, ErrTooLarge) && !errors.Is(said, ErrBadFrame) {
		t.Errorf("%v is neither too large nor a bad frame", said)
	}
}
