package wire

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// Phases move forward, with the two exceptions of protocol.md §3.5.1.
func TestPhaseMayFollow(t *testing.T) {
	for before := PhaseSnapshot; before <= PhaseComplete; before++ {
		for p := PhaseSnapshot; p <= PhaseComplete; p++ {
			want := p >= before || before == PhaseCutover && p == PhaseReplay || before == PhaseRestore && p == PhaseTransfer
			if got := p.MayFollow(before); got != want {
				t.Errorf("%s after %s: %t, want %t", p, before, got, want)
			}
		}
	}
}

func TestMigrationIDText(t *testing.T) {
	id := MigrationID(run(0xa0, 16))
	text, _ := id.MarshalText()
	var back MigrationID
	if err := back.UnmarshalText(text); err != nil || back != id {
		t.Errorf("%s came back as %s, %v", id, back, err)
	}
	if id.Short() != "a0a1a2a3" || id.IsZero() || !(MigrationID{}).IsZero() {
		t.Errorf("%s is short %s", id, id.Short())
	}
	for _, bad := range []string{"", "a0", id.String() + "00", id.String()[:30] + "zz"} {
		if got, err := ParseMigrationID(bad); err == nil || !got.IsZero() {
			t.Errorf("ParseMigrationID(%q) = %s, %v", bad, got, err)
		}
	}
}

func TestRights(t *testing.T) {
	for _, c := range []struct {
		in   []string
		want Rights
		text string
	}{
		{nil, 0, ""},
		{[]string{""}, 0, ""},
		{[]string{"submit"}, RightSubmit, "submit"},
		{[]string{"migrate-out,migrate-in"}, RightMigrateIn | RightMigrateOut, "migrate-in,migrate-out"},
		{[]string{"administer", " submit , submit"}, RightSubmit | RightAdminister, "submit,administer"},
		{[]string{AllRights.String()}, AllRights, "submit,migrate-in,migrate-out,administer"},
	} {
		got, err := ParseRights(c.in...)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("ParseRights(%q) = %s, %v, want %s", c.in, got, err, c.text)
		}
	}
	if got, err := ParseRights("submit,fly"); err == nil || got != 0 {
		t.Errorf("an unknown right gave %q, %v", got, err)
	}
	if !AllRights.Has(RightSubmit|RightAdminister) || RightSubmit.Has(AllRights) || !Rights(0).Has(0) {
		t.Error("Has is not the subset relation")
	}
}

func TestUnassignedNumbersPrint(t *testing.T) {
	for _, v := range []fmt.Stringer{Phase(0), Phase(9), Outcome(9), State(9), Reason(999), Subprotocol(9), Type(0x0263)} {
		if v.String() == "" {
			t.Errorf("%T of an unassigned number prints nothing", v)
		}
	}
	if got := Type(0x0263).String(); got != "migration type 0x63" {
		t.Errorf("unknown type prints as %q", got)
	}
}

func TestTypesAreOrdered(t *testing.T) {
	all := Types()
	if !slices.IsSorted(all) || len(all) != 41 {
		t.Fatalf("%d types, sorted %t", len(all), slices.IsSorted(all))
	}
	for _, typ := range all {
		if MakeType(typ.Subprotocol(), typ.Number()) != typ || !typ.Known() || !typ.Subprotocol().Known() {
			t.Errorf("%s does not consist of its parts", typ)
		}
	}
	if Type(0x0217).Known() || Type(0x0900).Known() || Subprotocol(0).Known() || Subprotocol(5).Known() {
		t.Error("something unassigned is known")
	}
}

func TestEveryMigrationMessageRefers(t *testing.T) {
	r := newRandom(t)
	for _, typ := range Types() {
		m, refers := r.message(typ).(Referring)
		want := typ.Subprotocol() == SubMigration || typ == TypeForward || typ == TypeForwarded
		if refers != want {
			t.Errorf("%s refers to a migration: %t, want %t", typ, refers, want)
		}
		if refers && m.Reference() == (Ref{}) {
			t.Errorf("%s lost its ref", typ)
		}
	}
}

func TestVersionRangeCommon(t *testing.T) {
	for _, c := range []struct {
		a, b VersionRange
		want uint16
		ok   bool
	}{
		{VersionRange{2, 1, 1}, VersionRange{2, 1, 1}, 1, true},
		{VersionRange{2, 1, 3}, VersionRange{2, 2, 5}, 3, true},
		{VersionRange{2, 1, 2}, VersionRange{2, 3, 5}, 2, false},
		{VersionRange{2, 1, 2}, VersionRange{3, 1, 2}, 2, false},
	} {
		for range 2 {
			if got, ok := c.a.Common(c.b); ok != c.ok || ok && got != c.want {
				t.Errorf("%v and %v: %d, %t, want %d, %t", c.a, c.b, got, ok, c.want, c.ok)
			}
			c.a, c.b = c.b, c.a
		}
	}
}

func TestReplayCompleteSignature(t *testing.T) {
	r := newRandom(t)
	key, err := crypto.KeypairFromSeed([32]byte(run(1, 32)))
	if err != nil {
		t.Fatal(err)
	}
	m := &ReplayComplete{Ref: r.ref(), Attempt: r.attempt(), Head: r.head()}
	if err := m.Sign(key); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(key.Public()); err != nil {
		t.Fatalf("own signature: %v", err)
	}
	if err := m.Verify(r.key()); !errors.Is(err, crypto.ErrBadSignature) {
		t.Errorf("another key: %v", err)
	}
	body := bodyOf(m)
	for i := range body {
		altered := slices.Clone(body)
		altered[i] ^= 1
		back, err := Decode(Header{TypeReplayComplete, len(altered)}, altered)
		if err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		if err := back.(*ReplayComplete).Verify(key.Public()); !errors.Is(err, crypto.ErrBadSignature) {
			t.Errorf("altered at byte %d: %v", i, err)
		}
	}
	if err := m.Sign(crypto.PublicOnly(key.Public())); !errors.Is(err, crypto.ErrCannotSign) {
		t.Errorf("signed without a secret: %v", err)
	}
}

// No two kinds of traffic share a stream, and everything that is not bulk is control.
func TestChannels(t *testing.T) {
	want := map[Type]Channel{TypeSnapshotReady: ChannelSnapshot, TypeBufferedEvents: ChannelEvents}
	for _, msg := range Types() {
		channel := cmp.Or(want[msg], ChannelControl)
		if msg.Subprotocol() == SubSubmission && msg != TypeForward && msg != TypeForwarded {
			channel = ChannelSubmit
		}
		if got := msg.Channel(); got != channel {
			t.Errorf("%v travels on %v, want %v", msg, got, channel)
		}
	}
	if got := Channel(9).String(); got != "channel 9" {
		t.Errorf("an unknown channel prints as %s", got)
	}
}
