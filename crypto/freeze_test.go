package crypto

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/codec"
)

// decidedNext returns the evidence for a handover to B that fits the end of the
// chain, and the handover.
func decidedNext(t testing.TB, c *chain) (Evidence, CausalEvent, Handover) {
	t.Helper()
	cert := c.cert("B")
	e := evidence(t, c.key, keyOf(epochKey(cert.Epoch, "B")), cert)
	ev, h, err := Decide(e.Cert, e.Acceptance)
	if err != nil {
		t.Fatal(err)
	}
	return e, ev, h
}

// parseFreezeCert reads a certificate that is the whole of b and verifies it, as
// whoever is sent one does.
func parseFreezeCert(b []byte, signer PublicKey) (FreezeCert, error) {
	c := codec.NewCursor(b)
	f := DecodeFreezeCert(&c)
	if err := c.Finish(); err != nil {
		return FreezeCert{}, wrapAs(ErrBadHandover, err)
	}
	if err := f.Verify(signer); err != nil {
		return FreezeCert{}, err
	}
	return f, nil
}

// isRefusal reports whether err is one of those that handovers fail with.
func isRefusal(err error) bool {
	return errors.Is(err, ErrBadHandover) || errors.Is(err, ErrBadSignature) || errors.Is(err, ErrWeakKey)
}

// TestDecided_SameBytes: source and target build the same entry, each from what
// it has, and every reader sees what they saw.
func TestDecided_SameBytes(t *testing.T) {
	c := draw(t, "g-a-b*")
	e, ev, h := decidedNext(t, c)
	other, again, err := Accept(keyOf(epochKey(2, "B")), e.Cert)
	if err != nil || !reflect.DeepEqual(other, ev) || again != h {
		t.Errorf("the target builds %+v, %v, the source %+v", other, err, ev)
	}
	parsed, err := ParseHandover(ev, c.key.Public())
	if err != nil || parsed != h || !reflect.DeepEqual(parsed.Event(), ev) {
		t.Errorf("got %+v, %v, want %+v", parsed, err, h)
	}
	if err := c.head().CheckLink(ev.Link); err != nil {
		t.Error(err)
	}
	if ev.Kind != EventHandover || !ev.Producer.IsZero() || ev.ProducerSeq != 0 {
		t.Errorf("entry %+v", ev)
	}
	if len(ev.Payload) != MaxHandoverSize || h.EncodedLen() != MaxHandoverSize {
		t.Errorf("payload of %d bytes, EncodedLen %d, want %d", len(ev.Payload), h.EncodedLen(), MaxHandoverSize)
	}
	want := append(AppendFreezeCert(nil, e.Cert), e.Acceptance[:]...)
	if !bytes.Equal(ev.Payload, want) || h.Digest() != e.Cert.Digest() {
		t.Error("the payload is not the certificate and the acceptance")
	}
}

// TestD5_DecidedEveryBit: a flipped bit anywhere in a decided handover is
// refused, and so are every truncation and anything behind it.
func TestD5_DecidedEveryBit(t *testing.T) {
	t.Parallel()
	c := draw(t, "g-a")
	_, ev, h := decidedNext(t, c)
	refused := func(what string, at int, payload []byte) {
		t.Helper()
		bad := ev
		bad.Payload = payload
		if _, err := ParseHandover(bad, c.key.Public()); !isRefusal(err) {
			t.Errorf("%s %d: got %v", what, at, err)
		}
	}
	for bit := range 8 * len(ev.Payload) {
		b := bytes.Clone(ev.Payload)
		b[bit/8] ^= 1 << (bit % 8)
		refused("bit", bit, b)
	}
	for n := range len(ev.Payload) {
		refused("first bytes", n, ev.Payload[:n])
	}
	refused("trailing byte", 0, append(bytes.Clone(ev.Payload), 0))
	for name, change := range map[string]func(*CausalEvent){
		"producer": func(ev *CausalEvent) { ev.Producer[0]++ },
		"number":   func(ev *CausalEvent) { ev.ProducerSeq++ },
		"link":     func(ev *CausalEvent) { ev.Link.Sequence++ },
		"kind":     func(ev *CausalEvent) { ev.Kind = EventForced },
	} {
		bad := ev
		change(&bad)
		if _, err := ParseHandover(bad, c.key.Public()); !isRefusal(err) {
			t.Errorf("another %s: got %v", name, err)
		}
		if _, err := ParseDecided(bad, h.FreezeCert()); !errors.Is(err, ErrBadHandover) {
			t.Errorf("another %s, by the certificate: got %v", name, err)
		}
	}
	forced := ev
	forced.Kind = EventForced
	if _, err := ParseHandover(forced, c.key.Public()); !errors.Is(err, ErrBadHandover) {
		t.Errorf("as a forced entry: got %v", err)
	}
}

// TestD5_EvidenceEveryBit: the same for the certificate, and for evidence.
func TestD5_EvidenceEveryBit(t *testing.T) {
	t.Parallel()
	c := draw(t, "g-a")
	e, _, _ := decidedNext(t, c)
	b := AppendFreezeCert(nil, e.Cert)
	got, err := parseFreezeCert(b, c.key.Public())
	if err != nil || got != e.Cert || len(b) != FreezeCertSize {
		t.Fatalf("got %+v, %v from %d bytes, want %+v", got, err, len(b), e.Cert)
	}
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		if got, err := parseFreezeCert(b, c.key.Public()); !isRefusal(err) || got != (FreezeCert{}) {
			t.Errorf("bit %d: got %+v, %v", bit, got, err)
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(b) {
		if _, err := parseFreezeCert(b[:n], c.key.Public()); !errors.Is(err, codec.ErrTruncated) || !errors.Is(err, ErrBadHandover) {
			t.Errorf("first %d bytes: got %v", n, err)
		}
	}
	if _, err := parseFreezeCert(append(b, 0), c.key.Public()); !errors.Is(err, codec.ErrTrailing) || !errors.Is(err, ErrBadHandover) {
		t.Errorf("trailing byte: got %v", err)
	}
	for bit := range 8 * len(e.Acceptance) {
		bad := e
		bad.Acceptance[bit/8] ^= 1 << (bit % 8)
		if err := bad.Verify(c.key.Public()); !errors.Is(err, ErrBadSignature) {
			t.Errorf("bit %d of the acceptance: got %v", bit, err)
		}
	}
}

// TestD5_EvidenceSigners: each part counts only by the key that it belongs to,
// and for the statement that it was made for.
func TestD5_EvidenceSigners(t *testing.T) {
	c := draw(t, "g-a")
	e, _, _ := decidedNext(t, c)
	signer := c.key.Public()
	if err := e.Verify(signer); err != nil {
		t.Fatal(err)
	}
	second := c.cert("B")
	second.Attempt.Count++
	later := evidence(t, c.key, keyOf(epochKey(2, "B")), second)
	digest := e.Cert.Digest()
	byEpoch, err := c.key.Sign(DomainAccept, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		e      Evidence
		signer PublicKey
		want   error
	}{
		"another signer":            {e, keyOf("other").Public(), ErrBadSignature},
		"no signer":                 {e, PublicKey{}, ErrWeakKey},
		"no acceptance":             {Evidence{Cert: e.Cert}, signer, ErrBadSignature},
		"accepted by the epoch":     {Evidence{e.Cert, byEpoch}, signer, ErrBadSignature},
		"accepted another attempt":  {Evidence{e.Cert, later.Acceptance}, signer, ErrBadSignature},
		"the certificate's, twice":  {Evidence{e.Cert, e.Cert.Signature}, signer, ErrBadSignature},
		"certificate of an attempt": {Evidence{later.Cert, e.Acceptance}, signer, ErrBadSignature},
		"nothing":                   {Evidence{}, signer, ErrBadHandover},
	} {
		if err := test.e.Verify(test.signer); !errors.Is(err, test.want) {
			t.Errorf("%s, evidence: got %v, want %v", name, err, test.want)
		}
		ev := test.e.entry()
		if _, err := ParseHandover(ev, test.signer); !errors.Is(err, test.want) {
			t.Errorf("%s, entry: got %v, want %v", name, err, test.want)
		}
		if _, _, err := Decide(test.e.Cert, test.e.Acceptance); err == nil && test.signer == signer {
			t.Errorf("%s: Decide makes an entry of it", name)
		}
	}
}

// entry makes the entry of the evidence, unchecked.
func (e Evidence) entry() CausalEvent { return e.handover().Event() }

// TestD5_FormsDoNotMix: no form is another one with some bytes more or less, and
// a certificate is no handover.
func TestD5_FormsDoNotMix(t *testing.T) {
	c := draw(t, "g-a")
	e, ev, h := decidedNext(t, c)
	plain, signed := signNext(t, c, false)
	signer := c.key.Public()
	cert := ev
	cert.Payload = AppendFreezeCert(nil, e.Cert)
	stripped := e.handover()
	stripped.Decided, stripped.Attempt, stripped.Acceptance = false, Attempt{}, Signature{}
	raised := signed
	raised.Decided, raised.Attempt, raised.Acceptance = true, h.Attempt, h.Acceptance
	padded := plain
	padded.Payload = append(bytes.Clone(plain.Payload), make([]byte, MaxHandoverSize-HandoverSize)...)
	for name, ev := range map[string]CausalEvent{
		"a certificate alone":            cert,
		"a certificate as a plain one":   stripped.Event(),
		"a plain one with an acceptance": raised.Event(),
		"a plain one of that length":     padded,
	} {
		if got, err := ParseHandover(ev, signer); !isRefusal(err) || got != (Handover{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if c.passport.Superseded(ev) {
			t.Errorf("%s: superseded", name)
		}
	}
	for _, b := range [][]byte{plain.Payload, ev.Payload} {
		if _, err := parseFreezeCert(b, signer); !errors.Is(err, ErrBadHandover) {
			t.Errorf("a handover as a certificate: got %v", err)
		}
	}
	// Of this one nothing is left over, so that its form alone tells.
	cur := codec.NewCursor(plain.Payload)
	if DecodeFreezeCert(&cur); !errors.Is(cur.Finish(), ErrBadHandover) {
		t.Errorf("a plain handover decodes as a certificate: %v", cur.Err())
	}
	if _, _, err := SignHandover(c.key, h); !errors.Is(err, ErrBadHandover) {
		t.Errorf("SignHandover of a decided one: got %v", err)
	}
}

// TestFreezeCert_Static: each rule that needs no key is enforced by both
// signers and by the reader.
func TestFreezeCert_Static(t *testing.T) {
	c := draw(t, "g-a")
	for name, test := range map[string]struct {
		change func(f *FreezeCert)
		want   error
	}{
		"epoch 0":          {func(f *FreezeCert) { f.Epoch, f.Attempt.Epoch = 0, math.MaxUint64 }, ErrBadHandover},
		"epoch 1":          {func(f *FreezeCert) { f.Epoch, f.Attempt.Epoch = 1, 0 }, ErrBadHandover},
		"next epoch's":     {func(f *FreezeCert) { f.Attempt.Epoch++ }, ErrBadHandover},
		"no attempt":       {func(f *FreezeCert) { f.Attempt = Attempt{} }, ErrBadHandover},
		"no new holder":    {func(f *FreezeCert) { f.To = NodeID{} }, ErrBadHandover},
		"end of the log":   {func(f *FreezeCert) { f.Head.Sequence = math.MaxUint64 }, ErrBadHandover},
		"snapshot too new": {func(f *FreezeCert) { f.SnapshotSequence = f.Head.Sequence + 1 }, ErrBadHandover},
		"no next key":      {func(f *FreezeCert) { f.Next = PublicKey{} }, ErrWeakKey},
	} {
		cert := c.cert("B")
		test.change(&cert)
		if _, err := SignFreezeCert(c.key, cert); !errors.Is(err, test.want) {
			t.Errorf("%s, signing: got %v, want %v", name, err, test.want)
		}
		if _, err := SignAcceptance(keyOf(epochKey(2, "B")), cert); !errors.Is(err, test.want) {
			t.Errorf("%s, accepting: got %v, want %v", name, err, test.want)
		}
		h := cert.Handover()
		var err error
		if cert.Signature, err = c.key.Sign(DomainFreeze, h.appendStatement(nil)); err != nil {
			t.Fatal(err)
		}
		if _, err := parseFreezeCert(AppendFreezeCert(nil, cert), c.key.Public()); !errors.Is(err, test.want) {
			t.Errorf("%s, parsing: got %v, want %v", name, err, test.want)
		}
		if _, _, err := Decide(cert, Signature{}); !errors.Is(err, test.want) {
			t.Errorf("%s, deciding: got %v, want %v", name, err, test.want)
		}
	}
}

// TestFreezeCert_Signers: times that have no encoding, keys without a secret
// half, and an acceptance by somebody else.
func TestFreezeCert_Signers(t *testing.T) {
	c := draw(t, "g-a")
	cert := c.cert("B")
	if _, err := SignFreezeCert(PublicOnly(c.key.Public()), cert); !errors.Is(err, ErrCannotSign) {
		t.Errorf("no secret: got %v, want ErrCannotSign", err)
	}
	if _, err := SignAcceptance(PublicOnly(cert.Next), cert); !errors.Is(err, ErrCannotSign) {
		t.Errorf("no secret, accepting: got %v, want ErrCannotSign", err)
	}
	for _, key := range []*EntityKeypair{c.key, keyOf("other")} {
		if _, _, err := Accept(key, cert); !errors.Is(err, ErrWrongKey) {
			t.Errorf("accepted by another key: got %v, want ErrWrongKey", err)
		}
	}
	cert.Time = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := SignFreezeCert(c.key, cert); !errors.Is(err, ErrBadHandover) {
		t.Errorf("year 2500: got %v, want ErrBadHandover", err)
	}
	cert.Time = time.Unix(1, 2).In(time.FixedZone("east", 3600))
	signed, err := SignFreezeCert(c.key, cert)
	if err != nil || signed.Time != time.Unix(1, 2).UTC() {
		t.Errorf("a zone: got %v, %v", signed.Time, err)
	}
}

// TestAcceptance_BeforeTheSignature: what the target signs does not depend on
// the certificate's signature, so that either may be made first.
func TestAcceptance_BeforeTheSignature(t *testing.T) {
	c := draw(t, "g-a")
	e, _, _ := decidedNext(t, c)
	early, err := SignAcceptance(keyOf(epochKey(2, "B")), c.cert("B"))
	if err != nil || early != e.Acceptance {
		t.Errorf("got %x, %v, want %x", early, err, e.Acceptance)
	}
}

// TestC2_DecidedPassport: the certified key signs for the new epoch, heads of it
// verify, and what is over is superseded.
func TestC2_DecidedPassport(t *testing.T) {
	c := draw(t, "g-a-=B-b-=C-c")
	p := c.passport
	key, ok := p.KeyAt(2)
	if !ok || key != keyOf(epochKey(2, "B")).Public() || p.Key() != c.key.Public() {
		t.Errorf("the key of epoch 2 is %s", key)
	}
	for _, ev := range []CausalEvent{c.events[1], c.events[3]} {
		if !p.Superseded(ev) {
			t.Errorf("entry %d is not superseded", ev.Link.Sequence)
		}
	}
	head, err := SignHead(c.key, c.head(), p.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	if err := head.Verify(p); err != nil {
		t.Error(err)
	}
	former, err := SignHead(keyOf("entity"), c.head(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := former.Verify(p); !errors.Is(err, ErrHeadMismatch) {
		t.Errorf("a head after the decision, by the former key: got %v", err)
	}
}

// TestC3_TwoAttempts: decided entries of two attempts contradict each other even
// if all else is equal.
func TestC3_TwoAttempts(t *testing.T) {
	a, b := draw(t, "g-a"), draw(t, "g-a")
	a.decide(t, "B", 1)
	b.decide(t, "B", 2)
	fork, found := FindFork(a.passport, b.passport)
	if !found || fork.Epoch() != 2 || fork.Verify() != nil {
		t.Fatalf("found %v: %+v", found, fork)
	}
	again, err := ParseFork(AppendFork(nil, fork))
	if err != nil || !reflect.DeepEqual(again, fork) {
		t.Errorf("the evidence does not travel: %v", err)
	}
}

// TestC3_AbortedCertificate: an attempt that was not decided leaves a
// certificate that no passport can hold, so that it accuses nobody.
func TestC3_AbortedCertificate(t *testing.T) {
	c := draw(t, "g-a")
	aborted, err := SignFreezeCert(c.key, c.cert("B"))
	if err != nil {
		t.Fatal(err)
	}
	went := draw(t, "g-a-b->C")
	for name, h := range map[string]Handover{"as decided": aborted.Handover(), "as plain": plainOf(aborted)} {
		if _, err := c.passport.Append(h); !errors.Is(err, ErrBadSignature) {
			t.Errorf("%s: Append: got %v, want ErrBadSignature", name, err)
		}
		p := c.passport.Clone()
		p.Handovers = append(p.Handovers, h)
		if _, found := FindFork(p, went.passport); found {
			t.Errorf("%s: found a fork", name)
		}
		if err := (Fork{A: p, B: went.passport}).Verify(); !errors.Is(err, ErrNoFork) {
			t.Errorf("%s: got %v, want ErrNoFork", name, err)
		}
	}
}

// plainOf makes a plain handover of a certificate, with its signature.
func plainOf(f FreezeCert) Handover {
	h := f.Handover()
	h.Decided, h.Attempt = false, Attempt{}
	return h
}

// TestD5_ParseDecidedEveryBit: an entry is what the certificate becomes, or it is refused: with any bit of its payload
// flipped, cut short, lengthened, in another place of the log, or of another certificate.
func TestD5_ParseDecidedEveryBit(t *testing.T) {
	t.Parallel()
	c := draw(t, "g-a")
	e, ev, h := decidedNext(t, c)
	if got, err := ParseDecided(ev, e.Cert); err != nil || got != h {
		t.Fatalf("got %+v, %v, want %+v", got, err, h)
	}
	refused := func(what string, at int, change func(ev *CausalEvent)) {
		t.Helper()
		bad := ev
		bad.Payload = bytes.Clone(ev.Payload)
		change(&bad)
		if got, err := ParseDecided(bad, e.Cert); !isRefusal(err) || got != (Handover{}) {
			t.Errorf("%s %d: got %+v, %v", what, at, got, err)
		}
	}
	for bit := range 8 * len(ev.Payload) {
		refused("bit", bit, func(ev *CausalEvent) { ev.Payload[bit/8] ^= 1 << (bit % 8) })
	}
	for n := range len(ev.Payload) {
		refused("first bytes", n, func(ev *CausalEvent) { ev.Payload = ev.Payload[:n] })
	}
	refused("trailing byte", 0, func(ev *CausalEvent) { ev.Payload = append(ev.Payload, 0) })
	refused("sequence", 0, func(ev *CausalEvent) { ev.Link.Sequence++ })
	refused("origin", 0, func(ev *CausalEvent) { ev.Link.Origin++ })
	refused("parent", 0, func(ev *CausalEvent) { ev.Link.Parent[0]++ })
	refused("kind", 0, func(ev *CausalEvent) { ev.Kind = EventForced })
	other := e.Cert
	other.Attempt.Count++
	if _, err := ParseDecided(ev, other); !isRefusal(err) {
		t.Errorf("of another attempt: got %v", err)
	}
}
