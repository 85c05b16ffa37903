package admin

import (
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// TestEventsOfAKindThatIsGone: a node that has a daemon and does not know its kind will not serve it, however long
// somebody waits. That is said at once.
func TestEventsOfAKindThatIsGone(t *testing.T) {
	ctx := testContext(t)
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	start := func() *peer.Peer {
		p, err := peer.New(peer.Config{Key: key, Listen: "127.0.0.1:0", DataDir: dir, Durability: wire.DurabilityEveryEvent})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	p := start()
	if err := kinds.Register(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Spawn(ctx, "kv", peer.SpawnOptions{Name: "notes"}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = New(Config{Peer: start()}).producer(ctx, "notes", "", "")
	if !errors.Is(err, &client.Problem{Kind: "unknown_kind"}) {
		t.Errorf("got %v", err)
	}
}
