package wire

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Values that are well-formed but that no message may have.
func TestD2_ImpossibleValuesFail(t *testing.T) {
	input, long := goldenEvent(crypto.EventInput), goldenEvent(crypto.EventHandover)
	long.Payload = make([]byte, crypto.MaxHandoverSize+1)
	many := make([]string, MaxAddrs+1)
	for i := range many {
		many[i] = "a"
	}
	cases := []struct {
		name string
		msg  Message
		want error
	}{
		{"no phase", &Status{}, ErrBadFrame},
		{"phase past the last", &Status{Phase: 7}, ErrBadFrame},
		{"no outcome", &CleanupComplete{}, ErrBadFrame},
		{"outcome past the last", &CleanupComplete{Outcome: 5}, ErrBadFrame},
		{"no state", &Answer{}, ErrBadFrame},
		{"state past the last", &Answer{State: 5}, ErrBadFrame},
		{"released without proof", &Answer{State: StateReleased}, ErrBadFrame},
		{"input as proof", &Answer{State: StateReleased, HasHandover: true, Handover: input}, ErrBadFrame},
		{"input as commit", &ActivateTarget{Handover: input}, ErrBadFrame},
		{"input as forwarding address", &Moved{Handover: input}, ErrBadFrame},
		{"commit longer than any", &ActivateTarget{Handover: long}, ErrTooLarge},
		{"proof longer than any", &Answer{State: StateReleased, HasHandover: true, Handover: long}, ErrTooLarge},
		{"failure without reason", &MigrationFailed{}, ErrBadFrame},
		{"refusal without reason", &Refused{}, ErrBadFrame},
		{"error without reason", &SessionError{}, ErrBadFrame},
		{"failed sequence without reason", &Forwarded{FailedSeq: 1}, ErrBadFrame},
		{"identity as key", &PrepareOK{Next: crypto.PublicKey{1}}, crypto.ErrWeakKey},
		{"identity as epoch key", &Opened{Key: crypto.PublicKey{1}}, crypto.ErrWeakKey},
		{"escape in a name", &Hello{Name: "a\x1b[2J"}, ErrBadFrame},
		{"line break in a label", &Open{Label: "a\nb"}, ErrBadFrame},
		{"broken text", &Prepare{Entity: crypto.EntityID(goldenKey()), Kind: "a\xff"}, ErrBadFrame},
		{"empty address", &Hello{Addrs: []string{""}}, nil},
		{"too many addresses", &Hello{Addrs: many}, codec.ErrLimit},
		{"long address", &Hello{Addrs: []string{strings.Repeat("a", MaxAddr+1)}}, codec.ErrLimit},
		{"long kind", &Prepare{Entity: crypto.EntityID(goldenKey()), Kind: strings.Repeat("k", MaxKind+1)}, codec.ErrLimit},
		{"long name", &Hello{Name: strings.Repeat("n", MaxName+1)}, codec.ErrLimit},
		{"long label", &Open{Label: strings.Repeat("l", MaxLabel+1)}, codec.ErrLimit},
		{"long payload", &Submit{Items: []Submission{{1, make([]byte, MaxPayload+1)}}}, codec.ErrLimit},
		{"long chunk", &SnapshotReady{Data: make([]byte, MaxChunk+1)}, codec.ErrLimit},
		{"too many submissions", &Submit{Items: make([]Submission, MaxBatch+1)}, codec.ErrLimit},
		{"too many receipts", &Receipts{Items: make([]ReceiptItem, MaxBatch+1)}, codec.ErrLimit},
		{"too many outputs", &Receipts{Items: []ReceiptItem{{Outputs: make([][]byte, MaxOutputCount+1)}}}, codec.ErrLimit},
		{"outputs too long together", &Receipts{Items: []ReceiptItem{{Outputs: [][]byte{make([]byte, MaxOutputs), {1}}}}}, codec.ErrLimit},
		{"versions out of order", &Hello{Versions: []VersionRange{{2, 1, 1}, {1, 1, 1}}}, ErrBadFrame},
		{"version twice", &Hello{Versions: []VersionRange{{1, 1, 1}, {1, 2, 2}}}, ErrBadFrame},
		{"empty range", &Hello{Versions: []VersionRange{{1, 2, 1}}}, ErrBadFrame},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := refusal(t, c.msg.Type(), bodyOf(c.msg))
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestD2_DurationBeyondRangeFails(t *testing.T) {
	body := bodyOf(&Refused{Reason: ReasonFrozen})
	body[len(body)-8] = 0x80
	if err := refusal(t, TypeRefused, body); !errors.Is(err, ErrTooLarge) {
		t.Errorf("retry after 2^63 ns: %v, want ErrTooLarge", err)
	}
	m := &Refused{Reason: ReasonFrozen, RetryAfter: -time.Second}
	if back := decodeFrame(t, AppendFrame(nil, m)).(*Refused); back.RetryAfter != 0 {
		t.Errorf("a negative duration arrived as %v", back.RetryAfter)
	}
}

func TestClipDetailAlwaysFits(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"bell\a and \x1b[31mred\u009b", "bell? and ?[31mred?"},
		{"broken \xff\xfe", "broken ?"},
		{strings.Repeat("é", MaxDetail), strings.Repeat("é", MaxDetail/2)},
		{strings.Repeat("漢", MaxDetail), strings.Repeat("漢", MaxDetail/3)},
		{strings.Repeat("\xff ", MaxDetail), strings.Repeat("? ", MaxDetail/2)},
	} {
		if got := ClipDetail(c.in); got != c.want {
			t.Errorf("ClipDetail(%q) = %q, want %q", c.in, got, c.want)
		}
		m := &MigrationFailed{Reason: ReasonInternal, Detail: c.in}
		if back := decodeFrame(t, AppendFrame(nil, m)).(*MigrationFailed); back.Detail != c.want {
			t.Errorf("detail %q arrived as %q", c.in, back.Detail)
		}
	}
}
