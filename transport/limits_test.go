package transport

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func TestGateCountsByPrefix(t *testing.T) {
	g := newGate(Config{HandshakeRate: 4})
	from := func(ip string) net.Addr { return &net.UDPAddr{IP: net.ParseIP(ip), Port: 1} }
	for i := range 4 {
		if g.mustProve(from("192.0.2.7")) {
			t.Fatalf("handshake %d had to prove its address", i)
		}
	}
	if !g.mustProve(from("192.0.2.250")) {
		t.Error("a neighbor in the same /24 was not counted with it")
	}
	if !g.mustProve(from("::ffff:192.0.2.1")) {
		t.Error("the same prefix written as IPv6 was not counted with it")
	}
	// The limit over all prefixes is four times that of one.
	proved := 0
	for i := range 64 {
		if g.mustProve(from(net.IPv4(198, 51, byte(i), 1).String())) {
			proved++
		}
	}
	if proved < 64-16 {
		t.Errorf("only %d of 64 prefixes had to prove themselves", proved)
	}
}

func TestPrefixes(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77":       "192.0.2.0/24",
		"::ffff:192.0.2.1": "192.0.2.0/24",
		"2001:db8:1:2::3":  "2001:db8:1::/48",
	} {
		if got := prefixOf(&net.UDPAddr{IP: net.ParseIP(in)}).String(); got != want {
			t.Errorf("prefix of %s is %s, want %s", in, got, want)
		}
	}
	zoned := &net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}
	if got := prefixOf(zoned).String(); got != "fe80::/48" {
		t.Errorf("prefix of a zoned address is %s", got)
	}
	for _, odd := range []net.Addr{&net.UDPAddr{}, &net.TCPAddr{IP: net.IPv4(1, 2, 3, 4)}} {
		if got := prefixOf(odd); got.IsValid() {
			t.Errorf("prefix of %v is %v", odd, got)
		}
	}
}

func TestGateGivesBackWhatItCounted(t *testing.T) {
	g := newGate(Config{HandshakeRate: 1, Handshakes: 2, Sessions: 3})
	admit := func() (context.Context, func(), error) {
		base, cancel := context.WithCancel(context.Background())
		ctx, err := g.admit(base, &quic.ClientInfo{})
		return ctx, cancel, err
	}
	first, endFirst, err := admit()
	if err != nil {
		t.Fatal(err)
	}
	_, endSecond, err := admit()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := admit(); !errors.Is(err, errFull) {
		t.Errorf("a third handshake at once: %v", err)
	}
	handshakeDone(first)
	handshakeDone(first) // counts once
	_, endThird, err := admit()
	if err != nil {
		t.Fatal(err)
	}
	endSecond()
	eventually(t, "the second to be given back", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.shaking == 1 && g.admitted == 2
	})
	endFirst()
	endThird()
	eventually(t, "all to be given back", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.shaking == 0 && g.admitted == 0
	})
	handshakeDone(context.Background())
}

func TestLedgerSharesOneBudget(t *testing.T) {
	l := newLedger(10)
	one, two := new(quic.Conn), new(quic.Conn)
	if l.grant(one, 1) {
		t.Error("a connection that is not open was granted something")
	}
	l.granted[one], l.granted[two] = 0, 0
	if !l.grant(one, 6) || l.grant(two, 5) || !l.grant(two, 4) {
		t.Errorf("granted %v of 10", l.granted)
	}
	l.close(one)
	l.close(one)
	if l.free != 6 || !l.grant(two, 6) {
		t.Errorf("after one ended %d are free", l.free)
	}
}

func TestLedgerIsGivenBackByRealConnections(t *testing.T) {
	a, b := join(t, medium{"quic", listenQUIC}, 1, Config{}), join(t, medium{"quic", listenQUIC}, 2, Config{})
	at, _ := dial(t, a, b)
	l := b.Network.(*network).carrier.(*socket).ledger
	w, r := openSnapshot(t, a, b, at, refOf(1))
	go writePieces(t, w, make([]byte, 32<<20), 1)
	buf := make([]byte, 1<<20)
	for {
		if _, err := r.Read(buf); err != nil {
			break
		}
	}
	a.Disconnect(at, "done")
	next(t, b.down, "the end")
	eventually(t, "the budget to be whole again", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.granted) == 0 && l.free == 32<<20
	})
}

func TestGuestsShareAnAccount(t *testing.T) {
	g := newGuests(Config{SessionsPerNode: 2, AssemblyBytes: 100})
	node := crypto.NodeID{1}
	one, two, out := g.enter(node, true), g.enter(node, true), g.enter(node, false)
	if one == nil || one != two || one != out {
		t.Fatal("sessions of one node have accounts of their own")
	}
	if g.enter(node, true) != nil {
		t.Error("a third inbound session was admitted")
	}
	if !one.charge(60) || two.charge(41) || !two.charge(40) {
		t.Errorf("%d of 100 are held", one.held.Load())
	}
	one.charge(-100)
	g.leave(node, true)
	g.leave(node, true)
	if g.byNode[node] == nil {
		t.Error("the account ended before its last session")
	}
	g.leave(node, false)
	if len(g.byNode) != 0 {
		t.Error("an account is left without a session")
	}
}

func TestPendingCallersAreBounded(t *testing.T) {
	c := &callers{max: 3}
	now := time.Unix(1000, 0)
	for i := range byte(5) {
		c.note(crypto.NodeID{i}, "addr", now.Add(time.Duration(i)))
	}
	c.note(crypto.NodeID{2}, "other", now.Add(9))
	list := c.all()
	if len(list) != 3 || list[0].Node != (crypto.NodeID{2}) || list[1].Node != (crypto.NodeID{4}) || list[2].Node != (crypto.NodeID{3}) {
		t.Fatalf("list is %+v", list)
	}
	first := list[0]
	if first.Attempts != 2 || first.Remote != "other" || !first.First.Equal(now.Add(2)) || !first.Last.Equal(now.Add(9)) {
		t.Errorf("entry is %+v", first)
	}
	c.forget(crypto.NodeID{4})
	c.forget(crypto.NodeID{200})
	if got := len(c.all()); got != 2 {
		t.Errorf("%d are left", got)
	}
}

func TestErrorTexts(t *testing.T) {
	closed := &ClosedError{Code: CodeNotAuthorized, Reason: "not authorized here", Remote: true}
	tests := []struct {
		err   error
		text  string
		match []error
	}{
		{closed, "transport: closed by the peer: not authorized here", []error{ErrNotAuthorized, wire.ErrRefused}},
		{&ClosedError{Code: CodeTooMany, Remote: true}, "transport: closed by the peer", []error{ErrRefused}},
		{&ClosedError{Reason: "slow", cause: ErrQueueFull}, "transport: closed here: slow", []error{ErrQueueFull, wire.ErrBufferFull}},
		{
			dialErrors{{"a:1", ErrUnreachable}, {"b:2", closed}},
			"transport: a:1: nobody answers; b:2: closed by the peer: not authorized here",
			[]error{ErrUnreachable, ErrNotAuthorized},
		},
		{&AddrError{"a:1", ErrTimeout}, "a:1: transport: the peer stopped answering", []error{ErrTimeout}},
		{ErrClosed, "transport: network is closed", []error{net.ErrClosed}},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.text {
			t.Errorf("got  %q\nwant %q", got, test.text)
		}
		for _, target := range test.match {
			wantIs(t, test.err, target)
		}
	}
	if errors.Is(&ClosedError{Code: CodeNotAuthorized}, ErrNotAuthorized) {
		t.Error("our own refusal looks like the peer's")
	}
}

func TestReasonsAreSafeToPrint(t *testing.T) {
	if got := cleanReason("transport: a\x1b[31mb\nc\u202e"); got != "a?[31mb?c?" {
		t.Errorf("got %q", got)
	}
	if got := cleanReason(strings.Repeat("x", 10000)); len(got) != maxReason {
		t.Errorf("%d bytes", len(got))
	}
	if got := howToAuthorize(keyOf(t, 1).ID()); len(got) >= maxReason || !strings.HasSuffix(got, "'`") {
		t.Errorf("the advice is cut: %s", got)
	}
}

func TestQUICErrorsAreTranslated(t *testing.T) {
	tests := map[error]error{
		&quic.IdleTimeoutError{}:                                ErrTimeout,
		&quic.HandshakeTimeoutError{}:                           ErrUnreachable,
		&quic.VersionNegotiationError{}:                         ErrRefused,
		&quic.TransportError{ErrorCode: quic.ConnectionRefused}: ErrRefused,
		&quic.TransportError{ErrorCode: 0x178, Remote: true}:    ErrRefused,
		&quic.TransportError{ErrorCode: quic.FlowControlError}:  ErrBadStream,
		&quic.StreamError{Remote: true}:                         ErrBadStream,
		&quic.StreamError{}:                                     ErrBadStream,
		&quic.ApplicationError{ErrorCode: 2, Remote: true}:      ErrRefused,
		&quic.ApplicationError{ErrorCode: 1, Remote: true}:      ErrNotAuthorized,
		context.Canceled:                                        context.Canceled,
	}
	for in, want := range tests {
		if got := quicCause(in); !errors.Is(got, want) {
			t.Errorf("%v became %v, want %v", in, got, want)
		}
	}
}
