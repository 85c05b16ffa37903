package crypto

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Chains are drawn as text, entries joined by dashes:
//
//	g-a-b*->B-c-!C
//
//	g    the genesis, always first
//	a    an input event with the payload "a"; with a star, it caused the output "a"
//	>B   a handover to node B, signed by the epoch's key
//	!C   a forced handover to node C, signed by the administrator's key
//	=D   a handover to node D that a directory decided
//
// Everything is derived from names, so drawings with a common beginning have it
// in common byte for byte, and forks are two drawings.
type chain struct {
	passport Passport
	events   []CausalEvent // events[i] has sequence i+1
	heads    []Head        // heads[i] is the head at sequence i
	key      *EntityKeypair
}

// head returns the last head.
func (c *chain) head() Head { return c.heads[len(c.heads)-1] }

// draw makes the chain, on an entity with an administrator.
func draw(t testing.TB, text string) *chain {
	t.Helper()
	entries := strings.Split(text, "-")
	if entries[0] != "g" {
		t.Fatalf("drawing %q does not begin with g", text)
	}
	c := birth(t, "counter", keyOf("administrator").Public())
	for _, entry := range entries[1:] {
		switch {
		case strings.HasPrefix(entry, ">"):
			c.handOver(t, entry[1:], false)
		case strings.HasPrefix(entry, "!"):
			c.handOver(t, entry[1:], true)
		case strings.HasPrefix(entry, "="):
			c.decide(t, entry[1:], 1)
		default:
			c.input(t, entry)
		}
	}
	return c
}

// birth makes the chain that has a genesis only.
func birth(t testing.TB, kind string, administrator PublicKey) *chain {
	t.Helper()
	key := keyOf("entity")
	g, err := SignGenesis(key, kind, administrator)
	if err != nil {
		t.Fatal(err)
	}
	return &chain{passport: NewPassport(g), heads: []Head{g.Head()}, key: key}
}

// input appends an input event.
func (c *chain) input(t testing.TB, entry string) {
	t.Helper()
	payload, starred := strings.CutSuffix(entry, "*")
	link, _ := c.head().Next()
	ev := CausalEvent{
		Link: link, Kind: EventInput,
		Producer: ProducerID(seedOf("producer")), ProducerSeq: link.Sequence,
		Payload: []byte(payload),
	}
	var outputs [][]byte
	if starred {
		outputs = [][]byte{[]byte(payload)}
	}
	c.add(t, ev, outputs)
}

// handOver appends a handover and goes on with the next epoch's key.
func (c *chain) handOver(t testing.TB, to string, forced bool) {
	t.Helper()
	signer := c.key
	if forced {
		signer = keyOf("administrator")
	}
	ev, h, err := SignHandover(signer, c.next(to, forced))
	if err != nil {
		t.Fatal(err)
	}
	c.move(t, to, ev, h)
}

// decide appends a handover that a directory decided, at the attempt.
func (c *chain) decide(t testing.TB, to string, attempt uint64) {
	t.Helper()
	cert := c.cert(to)
	cert.Attempt.Count = attempt
	e := evidence(t, c.key, keyOf(epochKey(cert.Epoch, to)), cert)
	ev, h, err := Decide(e.Cert, e.Acceptance)
	if err != nil {
		t.Fatal(err)
	}
	c.move(t, to, ev, h)
}

// move takes in a handover and goes on with the next epoch's key.
func (c *chain) move(t testing.TB, to string, ev CausalEvent, h Handover) {
	t.Helper()
	var err error
	if c.passport, err = c.passport.Append(h); err != nil {
		t.Fatal(err)
	}
	c.add(t, ev, nil)
	c.key = keyOf(epochKey(h.Epoch, to))
}

// next returns an unsigned handover that fits the end of the chain.
func (c *chain) next(to string, forced bool) Handover {
	from, ok := c.passport.Holder()
	if !ok {
		from = nodeOf("A")
	}
	epoch := c.passport.Epoch() + 1
	return Handover{
		From: from, To: nodeOf(to), Epoch: epoch, Head: c.head(),
		Next: keyOf(epochKey(epoch, to)).Public(), Previous: c.passport.Previous(),
		Time: time.Unix(1_700_000_000, int64(epoch)).UTC(), Forced: forced,
	}
}

// cert returns an unsigned certificate that fits the end of the chain.
func (c *chain) cert(to string) FreezeCert {
	h := c.next(to, false)
	h.Attempt = Attempt{Epoch: c.passport.Epoch(), Boot: 3, Count: 1}
	return h.FreezeCert()
}

// evidence signs both parts.
func evidence(t testing.TB, key, next *EntityKeypair, cert FreezeCert) Evidence {
	t.Helper()
	signed, err := SignFreezeCert(key, cert)
	if err != nil {
		t.Fatal(err)
	}
	acceptance, err := SignAcceptance(next, signed)
	if err != nil {
		t.Fatal(err)
	}
	return Evidence{Cert: signed, Acceptance: acceptance}
}

// add checks the link as a daemon would and moves the head.
func (c *chain) add(t testing.TB, ev CausalEvent, outputs [][]byte) {
	t.Helper()
	if err := c.head().CheckLink(ev.Link); err != nil {
		t.Fatal(err)
	}
	c.events = append(c.events, ev)
	c.heads = append(c.heads, c.head().Append(ev, outputs))
}

// epochKey names the key that a holder signs with.
func epochKey(epoch uint64, holder string) string {
	return fmt.Sprintf("epoch %d of %s", epoch, holder)
}

// seedOf makes 32 bytes of a name.
func seedOf(name string) [32]byte { return sha256.Sum256([]byte("test " + name)) }

// keyOf returns the key pair that belongs to a name.
func keyOf(name string) *EntityKeypair {
	k, err := KeypairFromSeed(seedOf(name))
	if err != nil {
		panic(err)
	}
	return k
}

// nodeKeyOf and nodeOf do the same for nodes.
func nodeKeyOf(name string) *NodeKeypair {
	k, err := NodeKeypairFromSeed(seedOf("node " + name))
	if err != nil {
		panic(err)
	}
	return k
}

func nodeOf(name string) NodeID { return nodeKeyOf(name).ID() }

// TestDraw: the drawing language makes what it says.
func TestDraw(t *testing.T) {
	c := draw(t, "g-a-b*->B-c-!C")
	if err := c.passport.Verify(); err != nil {
		t.Fatal(err)
	}
	if c.head().Sequence != 5 || c.passport.Epoch() != 3 || len(c.events) != 5 {
		t.Errorf("sequence %d, epoch %d, want 5 and 3", c.head().Sequence, c.passport.Epoch())
	}
	if c.heads[1].Outputs != (Digest{}) || c.heads[2].Outputs == (Digest{}) {
		t.Error("the star does not mark outputs")
	}
	if c.events[2].Kind != EventHandover || c.events[4].Kind != EventForced {
		t.Error("the handovers are not where they were drawn")
	}
}
