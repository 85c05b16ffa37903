package fuzz

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// entityKey returns one of 255 key pairs.
func entityKey(f *testing.F, n byte) *crypto.EntityKeypair {
	f.Helper()
	k, err := crypto.KeypairFromSeed([32]byte{n})
	if err != nil {
		f.Fatal(err)
	}
	return k
}

// journey returns the passport of a daemon that the nodes in to have had, and
// the entry of its last handover. Each epoch's key is numbered like its node.
func journey(f *testing.F, to ...byte) (crypto.Passport, crypto.CausalEvent) {
	f.Helper()
	key := entityKey(f, 1)
	genesis, err := crypto.SignGenesis(key, "counter", crypto.PublicKey{})
	if err != nil {
		f.Fatal(err)
	}
	passport, head := crypto.NewPassport(genesis), genesis.Head()
	from := crypto.NodeID{1}
	var entry crypto.CausalEvent
	for _, n := range to {
		next := entityKey(f, n)
		ev, h, err := crypto.SignHandover(key, crypto.Handover{
			From: from, To: crypto.NodeID{n}, Epoch: passport.Epoch() + 1, Head: head,
			Next: next.Public(), Previous: passport.Previous(), Time: time.Unix(1, 0),
		})
		if err != nil {
			f.Fatal(err)
		}
		if passport, err = passport.Append(h); err != nil {
			f.Fatal(err)
		}
		entry, key, from = ev, next, h.To
		head = head.Append(ev, nil)
	}
	return passport, entry
}

// FuzzEvent: an event that decodes re-encodes to the same bytes, and hashes the
// same at once and in two pieces.
func FuzzEvent(f *testing.F) {
	_, entry := journey(f, 2)
	f.Add(crypto.AppendEvent(nil, entry), uint16(10))
	f.Add(crypto.AppendEvent(nil, crypto.CausalEvent{Kind: crypto.EventInput}), uint16(0))
	f.Add(crypto.AppendEvent(nil, crypto.CausalEvent{Kind: crypto.EventForced, Payload: make([]byte, 600)}), uint16(513))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		c := codec.NewCursor(b)
		ev := crypto.DecodeEvent(&c)
		if c.Finish() != nil {
			return
		}
		if again := crypto.AppendEvent(nil, ev); !bytes.Equal(again, b) || ev.EncodedLen() != len(b) {
			t.Fatalf("%x re-encodes to %x", b, again)
		}
		h, err := crypto.NewEventHasher(ev, len(ev.Payload))
		if err != nil {
			t.Fatal(err)
		}
		at := min(int(cut), len(ev.Payload))
		_, err1 := h.Write(ev.Payload[:at])
		_, err2 := h.Write(ev.Payload[at:])
		d, err3 := h.Sum()
		if err := errors.Join(err1, err2, err3); err != nil || d != ev.Digest() {
			t.Fatalf("streaming digest %v, %v, want %v", d, err, ev.Digest())
		}
		checkLinks(t, ev)
	})
}

// checkLinks appends the event to a head it follows and to one it may not.
func checkLinks(t *testing.T, ev crypto.CausalEvent) {
	t.Helper()
	head := crypto.Head{Origin: ev.Link.Origin, Sequence: ev.Link.Sequence - 1, Digest: ev.Link.Parent}
	if err := head.CheckLink(ev.Link); (err == nil) != (ev.Link.Sequence > 0) {
		t.Fatalf("link %+v after its own head: %v", ev.Link, err)
	}
	after := head.Append(ev, nil)
	if err := after.CheckLink(ev.Link); !errors.Is(err, crypto.ErrGap) {
		t.Fatalf("link %+v a second time: %v", ev.Link, err)
	}
}

// FuzzHandover: a payload that parses as a handover re-encodes to the same
// bytes, and only the genuine statement has a signature that verifies.
func FuzzHandover(f *testing.F) {
	passport, entry := journey(f, 2)
	f.Add(entry.Payload, entry.Link.Origin, entry.Link.Sequence, entry.Link.Parent[:], uint8(entry.Kind))
	f.Add(entry.Payload, uint64(1), uint64(0), []byte{}, uint8(crypto.EventForced))
	f.Add([]byte{}, uint64(0), uint64(0), []byte{}, uint8(0))
	signer := entityKey(f, 1).Public()
	f.Fuzz(func(t *testing.T, payload []byte, origin, sequence uint64, parent []byte, kind uint8) {
		ev := crypto.CausalEvent{
			Link:    crypto.CausalLink{Origin: origin, Sequence: sequence},
			Kind:    crypto.EventKind(kind),
			Payload: payload,
		}
		copy(ev.Link.Parent[:], parent)
		h, err := crypto.ParseHandover(ev, signer)
		if err != nil {
			known := errors.Is(err, crypto.ErrBadHandover) || errors.Is(err, crypto.ErrBadSignature) || errors.Is(err, crypto.ErrWeakKey)
			if !known || h != (crypto.Handover{}) {
				t.Fatalf("unknown error, or a value beside it: %v", err)
			}
			return
		}
		if !bytes.Equal(crypto.AppendHandover(nil, h), payload) || h.Event().Digest() != ev.Digest() {
			t.Fatalf("%x does not re-encode to itself", payload)
		}
		// Nothing else was ever signed with this key.
		if h.Digest() != passport.Handovers[0].Digest() {
			t.Fatalf("a forged handover verifies: %+v", h)
		}
	})
}

// FuzzPassport: a passport that decodes re-encodes to the same bytes, from
// memory and through a stream, and no other than the genuine ones verifies.
func FuzzPassport(f *testing.F) {
	genuine := map[crypto.Digest]bool{}
	for _, to := range [][]byte{{}, {2}, {2, 3}, {2, 3, 2}} {
		p, _ := journey(f, to...)
		genuine[p.Previous()] = true
		f.Add(crypto.AppendPassport(nil, p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := crypto.ParsePassport(b)
		if err != nil {
			if !errors.Is(err, crypto.ErrBadPassport) {
				t.Fatalf("unknown error: %v", err)
			}
			return
		}
		var stream bytes.Buffer
		if _, err := p.WriteTo(&stream); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(crypto.AppendPassport(nil, p), b) || !bytes.Equal(stream.Bytes(), b) || p.EncodedLen() != len(b) {
			t.Fatalf("%x does not re-encode to itself", b)
		}
		switch err := p.Verify(); {
		case err == nil && !genuine[p.Previous()]:
			t.Fatalf("a forged passport verifies: %+v", p)
		case err != nil && !errors.Is(err, crypto.ErrBadPassport):
			t.Fatalf("unknown error: %v", err)
		}
	})
}

// FuzzFork: evidence that decodes re-encodes to the same bytes; evidence that
// verifies is found again from its own halves.
func FuzzFork(f *testing.F) {
	a, _ := journey(f, 2, 3)
	b, _ := journey(f, 2, 4)
	fork, found := crypto.FindFork(a, b)
	if !found {
		f.Fatal("no fork between two journeys that differ")
	}
	f.Add(crypto.AppendFork(nil, fork))
	f.Add(crypto.AppendFork(nil, crypto.Fork{A: a, B: a}))
	f.Add([]byte("ferryfrk"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fork, err := crypto.ParseFork(b)
		if err != nil {
			if !errors.Is(err, crypto.ErrNoFork) {
				t.Fatalf("unknown error: %v", err)
			}
			return
		}
		if again := crypto.AppendFork(nil, fork); !bytes.Equal(again, b) {
			t.Fatalf("%x re-encodes to %x", b, again)
		}
		if _, found := crypto.FindFork(fork.A, fork.B); fork.Verify() == nil && !found {
			t.Fatalf("verified evidence is not found again: %+v", fork)
		}
	})
}

// FuzzKeyFile: a key file that loads is the same key and comment when it is
// written anew, and then stays the same to the byte.
func FuzzKeyFile(f *testing.F) {
	for _, comment := range []string{"", "a node", "1234567"} {
		node, err := crypto.NodeKeypairFromSeed([32]byte{7})
		if err != nil {
			f.Fatal(err)
		}
		text, err := crypto.MarshalNodeKey(node, comment)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		// As ssh-keygen would write it: no checksum line after the end marker.
		f.Add(text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, comment, err := crypto.ParseNodeKey(text)
		if err != nil {
			if !errors.Is(err, crypto.ErrKeyFile) && !errors.Is(err, crypto.ErrKeyEncrypted) && !errors.Is(err, crypto.ErrWeakKey) {
				t.Fatalf("unknown error: %v", err)
			}
			return
		}
		again, err := crypto.MarshalNodeKey(k, comment)
		if err != nil {
			t.Fatal(err)
		}
		back, backComment, err := crypto.ParseNodeKey(again)
		if err != nil || !back.Equal(k) || backComment != comment {
			t.Fatalf("written anew it is %v %q, %v; was %v %q", back, backComment, err, k, comment)
		}
		entity, _, err := crypto.ParseEntityKey(text)
		if err != nil || entity.Public() != crypto.PublicKey(k.ID()) {
			t.Fatalf("as an entity's key: %v, %v", entity, err)
		}
	})
}

// FuzzAuthorizedLine: a line that parses, written anew, parses to the same and
// is then written the same.
func FuzzAuthorizedLine(f *testing.F) {
	node := crypto.NodeID(entityKey(f, 5).Public())
	f.Add(crypto.AuthorizedLine(node, nil, ""))
	f.Add(crypto.AuthorizedLine(node, []string{"submit", "migrate-in"}, "rack 3"))
	f.Add("\t submit  " + crypto.AuthorizedLine(node, nil, " a  b ") + "\t")
	f.Add("# nodes")
	f.Fuzz(func(t *testing.T, line string) {
		node, options, comment, err := crypto.ParseAuthorizedLine(line)
		if err != nil {
			if !errors.Is(err, crypto.ErrAuthorizedLine) {
				t.Fatalf("unknown error: %v", err)
			}
			return
		}
		if err := crypto.CheckPublicKey(node); err != nil {
			t.Fatalf("a weak key came in: %v", err)
		}
		again := crypto.AuthorizedLine(node, options, comment)
		node2, options2, comment2, err := crypto.ParseAuthorizedLine(again)
		if err != nil || node2 != node || !slices.Equal(options2, options) || comment2 != comment {
			t.Fatalf("%q is written anew as %q, which reads as %v %v %q, %v", line, again, node2, options2, comment2, err)
		}
		if third := crypto.AuthorizedLine(node2, options2, comment2); third != again {
			t.Fatalf("%q, then %q", again, third)
		}
	})
}
