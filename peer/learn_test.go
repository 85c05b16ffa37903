package peer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// TestLearnTakesWhatCanBeTold: addresses go into frames and records, which their readers must be able to read.
func TestLearnTakesWhatCanBeTold(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, other := mesh(t, 1)[0], crypto.NodeID{'o'}
	addrs := []string{"", "far\n:1", strings.Repeat("a", wire.MaxAddr+1)}
	for i := range 100 {
		addrs = append(addrs, fmt.Sprintf("host%d:1", i))
	}
	p.Learn(other, addrs...)
	known, err := p.Peers(ctx)
	if err != nil || len(known) != 1 {
		t.Fatalf("%d peers are known: %v", len(known), err)
	}
	if got := known[0].Addrs; len(got) != wire.MaxAddrs || got[0] != "host0:1" || wire.CheckAddrs(got) != nil {
		t.Errorf("it is dialed at %q", got)
	}
}

// TestAdvertiseIsChecked: a node whose greeting nobody can read does not start.
func TestAdvertiseIsChecked(t *testing.T) {
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	addrs := strings.Split(strings.Repeat("a:1 ", wire.MaxAddrs)+"a:1", " ")
	if p, err := New(Config{Key: key, Listen: "127.0.0.1:0", Advertise: addrs}); err == nil {
		t.Errorf("%d addresses are taken", len(addrs))
		_ = p.Close()
	}
}

// TestNameIsChecked: nor does one with a name that nobody can read.
func TestNameIsChecked(t *testing.T) {
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"edge\x1b[2J", "\xff", strings.Repeat("n", wire.MaxName+1)} {
		if p, err := New(Config{Key: key, Name: name, Listen: "127.0.0.1:0"}); err == nil {
			p.Close()
			t.Errorf("a node called %q has started", name)
		}
	}
}
