package daemon

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// promised returns a frozen host of key 0, its certificate for key 1 at node 2, and the entry that it becomes.
func promised(t *testing.T, count uint64) (*Host, crypto.FreezeCert, Event) {
	t.Helper()
	h, _ := birth(t)
	submit(t, h, producer(1), 1, "x")
	_, err := h.Freeze()
	check(t, err)
	cert, err := h.Promise(node(1), node(2), testKey(t, 1).Public(), crypto.Attempt{Epoch: 1, Boot: 1, Count: count})
	check(t, err)
	ev, _, err := crypto.Accept(testKey(t, 1), cert)
	check(t, err)
	return h, cert, ev
}

// TestPromiseChangesNothing: a certificate verifies and names the frozen head, the same one again for the same attempt; the
// host is frozen as before, and goes on after a thaw.
func TestPromiseChangesNothing(t *testing.T) {
	h, cert, _ := promised(t, 1)
	head := h.Head()
	check(t, cert.Verify(testKey(t, 0).Public()))
	again, err := h.Promise(cert.From, cert.To, cert.Next, cert.Attempt)
	if err != nil || again != cert || cert.Head != head || h.Head() != head || !h.Frozen() {
		t.Errorf("again %+v, %v, want %+v", again, err, cert)
	}
	check(t, h.Thaw())
	submit(t, h, producer(1), 2, "still here")
}

// TestPromiseRefuses: what HandOver refuses is not promised either, and a host that serves promises nothing.
func TestPromiseRefuses(t *testing.T) {
	h, cert, _ := promised(t, 1)
	refuse := func(what string, from, to crypto.NodeID, next crypto.PublicKey, attempt crypto.Attempt, want error) {
		t.Helper()
		_, err := h.Promise(from, to, next, attempt)
		wantErr(t, what, err, want)
	}
	refuse("no key", cert.From, cert.To, crypto.PublicKey{}, cert.Attempt, crypto.ErrWeakKey)
	refuse("its own key", cert.From, cert.To, testKey(t, 0).Public(), cert.Attempt, crypto.ErrBadHandover)
	refuse("to itself", cert.To, cert.To, cert.Next, cert.Attempt, crypto.ErrBadHandover)
	refuse("to nobody", cert.From, crypto.NodeID{}, cert.Next, cert.Attempt, crypto.ErrBadHandover)
	refuse("an attempt of another epoch", cert.From, cert.To, cert.Next, crypto.Attempt{Epoch: 2, Boot: 1, Count: 1}, crypto.ErrBadHandover)
	check(t, h.Thaw())
	refuse("not frozen", cert.From, cert.To, cert.Next, cert.Attempt, wire.ErrWrongPhase)
}

// TestFollowRefuses: a host follows what its own certificate has become at its own head, and nothing else; what is refused
// changes nothing.
func TestFollowRefuses(t *testing.T) {
	h, cert, ev := promised(t, 1)
	head := h.Head()
	strange := cert
	strange.Signature[0]++
	strangeEv, _, err := crypto.Accept(testKey(t, 1), strange)
	check(t, err)
	tampered := ev
	tampered.Payload = append([]byte(nil), ev.Payload...)
	tampered.Payload[len(tampered.Payload)-1]++
	_, _, otherEv := promised(t, 2)
	wantErr(t, "tampered", h.Follow(tampered, cert), crypto.ErrBadSignature)
	wantErr(t, "of another certificate", h.Follow(otherEv, cert), crypto.ErrBadSignature)
	wantErr(t, "not signed by it", h.Follow(strangeEv, strange), crypto.ErrBadSignature)
	if h.Head() != head || !h.Frozen() {
		t.Fatal("it changed the host")
	}
	check(t, h.Follow(ev, cert))
	check(t, h.Follow(ev, cert))
	wantErr(t, "thaw", h.Thaw(), wire.ErrMoved)
	if h.Head() != head.Append(ev, nil) {
		t.Errorf("head %+v", h.Head())
	}
	check(t, h.Passport().Verify())
	if kept, ok := h.HandedOver(); !ok || !equalEvents(kept, ev) {
		t.Error("it is not the entry that it followed")
	}
}

// TestFollowAfterThaw: a certificate of an attempt that was given up does not fit a log that has gone on.
func TestFollowAfterThaw(t *testing.T) {
	h, cert, ev := promised(t, 1)
	check(t, h.Thaw())
	submit(t, h, producer(1), 2, "y")
	wantErr(t, "another head", h.Follow(ev, cert), wire.ErrHeadMismatch)
	submit(t, h, producer(1), 3, "z")
}
