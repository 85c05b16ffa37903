package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"testing"
	"time"

	stdcrypto "crypto"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// certFor makes a self-signed certificate of any key.
func certFor(t testing.TB, key stdcrypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// weakSigner is the ed25519 key whose public half is the identity point: one
// signature fits every message.
type weakSigner struct{}

func (weakSigner) Public() stdcrypto.PublicKey {
	return ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
}

func (weakSigner) Sign(io.Reader, []byte, stdcrypto.SignerOpts) ([]byte, error) {
	return append([]byte{1}, make([]byte, 63)...), nil
}

// badIdentities are ways of presenting oneself that no node may get away with.
func badIdentities(t testing.TB) map[string]*tls.Config {
	own := certFor(t, keyOf(t, 1))
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two := own
	two.Certificate = [][]byte{own.Certificate[0], certFor(t, keyOf(t, 2)).Certificate[0]}
	damaged := own
	damaged.Certificate = [][]byte{append([]byte(nil), own.Certificate[0]...)}
	damaged.Certificate[0][len(damaged.Certificate[0])-1] ^= 1
	configs := map[string]*tls.Config{
		"two certificates":      {Certificates: []tls.Certificate{two}},
		"RSA":                   {Certificates: []tls.Certificate{certFor(t, rsaKey)}},
		"ECDSA":                 {Certificates: []tls.Certificate{certFor(t, ecKey)}},
		"small-order key":       {Certificates: []tls.Certificate{certFor(t, weakSigner{})}},
		"broken self-signature": {Certificates: []tls.Certificate{damaged}},
		"no certificate":        {},
		"another protocol":      {Certificates: []tls.Certificate{own}, NextProtos: []string{"h3"}},
		"a similar protocol":    {Certificates: []tls.Certificate{own}, NextProtos: []string{"ferry/10"}},
	}
	for _, c := range configs {
		c.InsecureSkipVerify = true
		c.ClientAuth = tls.RequireAnyClientCert
		c.MinVersion = tls.VersionTLS13
		if c.NextProtos == nil {
			c.NextProtos = []string{protocolName}
		}
	}
	return configs
}

func TestBadIdentitiesAreRefusedAsCallers(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{})
	for name, conf := range badIdentities(t) {
		conn, err := quic.DialAddr(context.Background(), b.Addrs()[0], conf, nil)
		if err == nil {
			// In TLS 1.3 the caller is done before the other side has looked.
			err = closeOf(t, conn)
		}
		failed := (*quic.TransportError)(nil)
		if !errors.As(err, &failed) {
			t.Errorf("%s: the connection ended with %v", name, err)
		}
	}
	if len(b.up) != 0 {
		t.Error("a session came up")
	}
	if len(b.Pending()) != 0 {
		t.Errorf("pending callers: %+v", b.Pending())
	}
}

// closeOf waits for the other side to close a connection and returns why.
func closeOf(t testing.TB, conn *quic.Conn) error {
	t.Helper()
	next(t, conn.Context().Done(), "the other side to close")
	return context.Cause(conn.Context())
}

func TestBadIdentitiesAreRefusedAsPeers(t *testing.T) {
	a := join(t, medium{"quic", listenQUIC}, 9, Config{})
	for name, conf := range badIdentities(t) {
		if conf.Certificates == nil {
			continue // a server without a certificate does not get far
		}
		l, err := quic.ListenAddr("127.0.0.1:0", conf, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = tryDial(t, a, keyOf(t, 1).ID(), l.Addr().String())
		if !errors.Is(err, ErrBadIdentity) && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v", name, err)
		}
		_ = l.Close()
	}
	if len(a.up) != 0 {
		t.Error("a session came up")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	cert := certFor(t, keyOf(t, 1))
	client, server := net.Pipe()
	go func() {
		conf := clientTLS(cert, keyOf(t, 1).ID())
		conf.MinVersion, conf.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		_ = tls.Client(client, conf).Handshake()
		_ = client.Close()
	}()
	if err := tls.Server(server, serverTLS(cert)).Handshake(); err == nil {
		t.Error("a TLS 1.2 handshake succeeded")
	}
	_ = server.Close()
	_, err := identify(tls.ConnectionState{Version: tls.VersionTLS12, NegotiatedProtocol: protocolName})
	wantIs(t, err, ErrBadIdentity)
	_, err = identify(tls.ConnectionState{Version: tls.VersionTLS13, NegotiatedProtocol: protocolName, DidResume: true})
	wantIs(t, err, ErrBadIdentity)
}

func TestNothingCanBeResumed(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{})
	conf := clientTLS(certFor(t, keyOf(t, 1)), b.id)
	cache := &countingCache{}
	conf.ClientSessionCache = cache
	for range 2 {
		conn, _, _ := rawHello(t, b, conf)
		state := conn.ConnectionState()
		if state.TLS.DidResume || state.Used0RTT {
			t.Error("a session was resumed")
		}
		_ = conn.CloseWithError(0, "")
		next(t, b.down, "the end")
	}
	if cache.put != 0 {
		t.Errorf("%d session tickets were handed out", cache.put)
	}
}

// countingCache offers nothing and counts what it is given.
type countingCache struct{ put int }

func (c *countingCache) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *countingCache) Put(string, *tls.ClientSessionState)        { c.put++ }

// rawHello is a caller made of nothing but quic-go that says a proper hello.
func rawHello(t testing.TB, b *node, conf *tls.Config) (conn *quic.Conn, control, submit *quic.Stream) {
	t.Helper()
	conn, err := quic.DialAddr(context.Background(), b.Addrs()[0], conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	var streams [2]*quic.Stream
	for i, ch := range []byte{byte(wire.ChannelSubmit), byte(wire.ChannelControl)} { // the other way round
		if streams[i], err = conn.OpenStream(); err != nil {
			t.Fatal(err)
		}
		if _, err := streams[i].Write([]byte{ch}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(streams[1], make([]byte, 1)); err != nil {
		t.Fatalf("hello: %v", err)
	}
	next(t, b.up, "the session")
	return conn, streams[1], streams[0]
}

// stranger returns the TLS side of a caller with a proper key.
func stranger(t testing.TB, b *node) *tls.Config {
	return clientTLS(certFor(t, keyOf(t, 77)), b.id)
}

func TestBadHellos(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{HandshakeTimeout: time.Second})
	hellos := map[string][]string{
		"silence":         {},
		"one stream":      {"\x01"},
		"twice control":   {"\x01", "\x01"},
		"an event stream": {"\x03" + string(make([]byte, wire.RefSize))},
		"an unknown kind": {"\x63", "\x01"},
		"an unsaid kind":  {"\x01", ""},
	}
	conns := make(map[string]*quic.Conn)
	for name, streams := range hellos {
		conn, err := quic.DialAddr(context.Background(), b.Addrs()[0], stranger(t, b), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conns[name] = conn
		for _, text := range streams {
			st, err := conn.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = st.Write([]byte(text))
		}
	}
	for name, conn := range conns {
		closed := (*quic.ApplicationError)(nil)
		if err := closeOf(t, conn); !errors.As(err, &closed) || Code(closed.ErrorCode) != CodeSilent {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
	if len(b.up) != 0 {
		t.Error("a session came up")
	}
}

func TestRulesOfStreams(t *testing.T) {
	uni := func(text string) func(*testing.T, *quic.Conn, *quic.Stream) {
		return func(t *testing.T, conn *quic.Conn, _ *quic.Stream) {
			st, err := conn.OpenUniStream()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = st.Write([]byte(text))
		}
	}
	events := string(AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelEvents, Ref: refOf(1)}))
	b := join(t, medium{"quic", listenQUIC}, 2, Config{HandshakeTimeout: time.Second})
	breaches := map[string]func(*testing.T, *quic.Conn, *quic.Stream){
		"a control stream of one direction": uni("\x01"),
		"an unknown kind":                   uni("\x09"),
		"a header that never comes":         uni("\x03"),
		"an event frame too large":          uni(events + "\x02\x05\xff\xff\xff\xff"),
		"the end of the control stream": func(_ *testing.T, _ *quic.Conn, control *quic.Stream) {
			_ = control.Close()
		},
		"a reset of the control stream": func(_ *testing.T, _ *quic.Conn, control *quic.Stream) {
			control.CancelWrite(7)
		},
		"half a frame on the control stream": func(_ *testing.T, _ *quic.Conn, control *quic.Stream) {
			_, _ = control.Write([]byte{1, 1, 0})
			_ = control.Close()
		},
		"a reset of an event stream": func(t *testing.T, conn *quic.Conn, _ *quic.Stream) {
			st, err := conn.OpenUniStream()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = st.Write(append([]byte(events), progress(1, 1)...))
			next(t, b.frames, "a frame of the stream") // without its header it would be a snapshot given up for all we know
			st.CancelWrite(7)
		},
	}
	for name, breach := range breaches {
		conn, control, _ := rawHello(t, b, stranger(t, b))
		breach(t, conn, control)
		closed := (*quic.ApplicationError)(nil)
		if err := closeOf(t, conn); !errors.As(err, &closed) || Code(closed.ErrorCode) != CodeProtocol {
			t.Errorf("%s: ended with %v", name, err)
		}
		next(t, b.down, "the end after "+name)
	}
}

func TestStreamFloodIsCapped(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{Transfers: 8})
	conn, _, _ := rawHello(t, b, stranger(t, b))
	if _, err := conn.OpenStream(); err == nil {
		t.Error("a third bidirectional stream was admitted")
	}
	opened := 0
	for ; opened < 1000; opened++ {
		if _, err := conn.OpenUniStream(); err != nil {
			break
		}
	}
	if opened != 16 {
		t.Errorf("%d streams were admitted, want 16", opened)
	}
}

func TestHalfSentFramesAreCapped(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{AssemblyBytes: 1 << 20})
	conn, _, _ := rawHello(t, b, stranger(t, b))
	for range 3 {
		st, err := conn.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		head := AppendStreamHeader(nil, StreamHeader{Channel: wire.ChannelEvents, Ref: refOf(1)})
		_, _ = st.Write(append(head, 2, 5, 0, 7, 0xff, 0xff))
	}
	closed := (*quic.ApplicationError)(nil)
	if err := closeOf(t, conn); !errors.As(err, &closed) || Code(closed.ErrorCode) != CodeProtocol {
		t.Errorf("ended with %v", err)
	}
	wantIs(t, next(t, b.down, "the end").err, ErrBadStream)
}

func TestGarbageOnThePort(t *testing.T) {
	a, b := join(t, medium{"quic", listenQUIC}, 1, Config{}), join(t, medium{"quic", listenQUIC}, 2, Config{})
	udp, err := net.Dial("udp", b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	seed := mathrand.Uint64()
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	for range 5000 {
		junk := make([]byte, random.IntN(1452)+1)
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		if random.IntN(2) == 0 {
			junk[0] |= 0xc0 // looks like a long header
			copy(junk[1:], []byte{0, 0, 0, 1})
		}
		_, _ = udp.Write(junk)
	}
	dial(t, a, b)
	t.Logf("seed %d", seed)
}

// mute is a socket whose owner never hears an answer.
type mute struct {
	net.PacketConn
	closed chan struct{}
}

func (m *mute) ReadFrom([]byte) (int, net.Addr, error) {
	<-m.closed
	return 0, nil, net.ErrClosed
}

func (m *mute) SetReadDeadline(time.Time) error { return nil }

func (m *mute) Close() error {
	close(m.closed)
	return m.PacketConn.Close()
}

func TestHalfOpenHandshakesAreCappedAndExpire(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a mute socket has no buffers
	const most = 4
	b := join(t, medium{"quic", listenQUIC}, 2, Config{Handshakes: most, HandshakeTimeout: 4 * time.Second})
	a := join(t, medium{"quic", listenQUIC}, 1, Config{})
	target, err := net.ResolveUDPAddr("udp", b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for range most {
		defer muteDial(t, ctx, b, target)()
	}
	defer cancel()
	gate := b.Network.(*network).carrier.(*socket).gate
	counts := func() (shaking, admitted int) {
		gate.mu.Lock()
		defer gate.mu.Unlock()
		return gate.shaking, gate.admitted
	}
	eventually(t, "the handshakes to begin", func() bool { s, _ := counts(); return s == most })
	wantIs(t, tryDial(t, a, b.id, b.Addrs()...), ErrRefused)
	cancel()
	eventually(t, "the handshakes to expire", func() bool { s, n := counts(); return s == 0 && n == 0 })
	dial(t, a, b)
	eventually(t, "the handshake to be over", func() bool { s, n := counts(); return s == 0 && n == 1 })
}

// muteDial begins a handshake that cannot go on. The function it returns waits
// for its end.
func muteDial(t *testing.T, ctx context.Context, b *node, target net.Addr) func() {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket := &mute{udp, make(chan struct{})}
	transport := &quic.Transport{Conn: socket}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = transport.Dial(ctx, target, stranger(t, b), nil)
	}()
	return func() {
		<-done
		_ = socket.Close()
		_ = transport.Close()
	}
}

func TestManyHandshakesMustProveTheirAddress(t *testing.T) {
	cfg := Config{HandshakeRate: 1, SessionsPerNode: 100}
	a, b := join(t, medium{"quic", listenQUIC}, 1, cfg), join(t, medium{"quic", listenQUIC}, 2, cfg)
	for range 10 {
		dial(t, a, b)
	}
}

func TestNobodyThere(t *testing.T) {
	a := join(t, medium{"quic", listenQUIC}, 1, Config{HandshakeTimeout: 500 * time.Millisecond})
	free, err := net.ListenPacket("udp", "127.0.0.1:0") // hears everything, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = free.Close() }()
	addr := free.LocalAddr().String()
	err = tryDial(t, a, keyOf(t, 2).ID(), addr)
	wantIs(t, err, ErrUnreachable)
	wantIs(t, err, wire.ErrUnreachable)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = a.Dial(ctx, keyOf(t, 2).ID(), []string{addr})
	wantIs(t, err, ErrTimeout)
	wantIs(t, err, context.DeadlineExceeded)
	for _, bad := range []string{"no-port", "127.0.0.1:no-such-port", "no.such.host.invalid:1"} {
		wantIs(t, tryDial(t, a, keyOf(t, 2).ID(), bad), ErrUnreachable)
	}
}

// vanish takes a node off the network without a word, as a crash does.
func (n *node) vanish(t *testing.T) (addr string) {
	t.Helper()
	q := n.Network.(*network).carrier.(*socket)
	addr = q.udp.LocalAddr().String()
	if err := q.udp.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

// joinVanishing attaches a node whose socket the test will close.
func joinVanishing(t *testing.T, cfg Config) *node {
	return join(t, medium{"quic", func(t testing.TB, cfg Config, r Receiver) Network {
		cfg.Listen = "127.0.0.1:0"
		n, err := ListenQUIC(cfg, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		return n
	}}, 2, cfg)
}

func TestSilentPeerIsDropped(t *testing.T) {
	a := join(t, medium{"quic", listenQUIC}, 1, Config{IdleTimeout: time.Second})
	b := joinVanishing(t, Config{})
	dial(t, a, b)
	b.vanish(t)
	wantIs(t, next(t, a.down, "the end").err, ErrTimeout)
}

func TestRestartedPeerSaysSo(t *testing.T) {
	cfg := Config{ResetKey: [32]byte{1, 2, 3}, KeepAlive: 50 * time.Millisecond}
	a, b := join(t, medium{"quic", listenQUIC}, 1, cfg), joinVanishing(t, cfg)
	dial(t, a, b)
	cfg.Key, cfg.Authorize, cfg.Listen = keyOf(t, 2), anyone, b.vanish(t)
	again, err := ListenQUIC(cfg, newRecorder(t))
	started(t, again, err)
	closed := (*ClosedError)(nil)
	if down := next(t, a.down, "the end"); !errors.As(down.err, &closed) || closed.Reason != "the peer was restarted" {
		t.Errorf("got %v", down.err)
	}
}

func TestListenFails(t *testing.T) {
	b := join(t, medium{"quic", listenQUIC}, 2, Config{})
	for name, cfg := range map[string]Config{
		"a taken port":      {Key: keyOf(t, 1), Listen: b.Addrs()[0]},
		"no key":            {},
		"no address":        {Key: keyOf(t, 1), Listen: "nonsense"},
		"a negative limit":  {Key: keyOf(t, 1), QueueBytes: -1},
		"a negative time":   {Key: keyOf(t, 1), IdleTimeout: -1},
		"a negative budget": {Key: keyOf(t, 1), WindowBytes: -1},
	} {
		if n, err := ListenQUIC(cfg, newRecorder(t)); err == nil {
			t.Errorf("%s: listening on %v", name, n.Addrs())
			_ = n.Close()
		}
	}
}

func TestAddrsOfEveryInterface(t *testing.T) {
	for _, cfg := range []Config{{}, {Advertise: []string{"edge.example:7777"}}} {
		cfg.Key, cfg.Authorize = keyOf(t, 1), anyone
		n, err := ListenQUIC(cfg, newRecorder(t))
		started(t, n, err)
		addrs := n.Addrs()
		if len(addrs) == 0 || len(addrs) > wire.MaxAddrs {
			t.Fatalf("addresses are %v", addrs)
		}
		if cfg.Advertise != nil && addrs[0] != cfg.Advertise[0] {
			t.Errorf("advertised %v", addrs)
		}
		for _, addr := range addrs {
			if _, port, err := net.SplitHostPort(addr); err != nil || port == "0" {
				t.Errorf("address %s: %v", addr, err)
			}
		}
	}
}

func TestSegmentationOffloadIsOn(t *testing.T) {
	a, b := join(t, medium{"quic", listenQUIC}, 1, Config{}), join(t, medium{"quic", listenQUIC}, 2, Config{})
	at, _ := dial(t, a, b)
	state := a.Network.(*network).session(at).mux.(*quicMux).conn.ConnectionState()
	if !state.GSO {
		t.Log("this system has no UDP segmentation offload")
	}
	if state.Used0RTT || state.TLS.DidResume || state.SupportsDatagrams.Local {
		t.Errorf("connection state is %+v", state)
	}
	if got, err := identify(state.TLS); err != nil || got != crypto.NodeID(b.id) {
		t.Errorf("identity is %v, %v", got, err)
	}
}

// answering is a node made of nothing but quic-go, which proves its identity
// and then answers hellos as it likes.
func answering(t *testing.T, key *crypto.NodeKeypair, answer func(*quic.Conn, *quic.Stream)) (addr string) {
	t.Helper()
	l, err := quic.ListenAddr("127.0.0.1:0", serverTLS(certFor(t, key)), nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept(context.Background())
		if err != nil {
			return
		}
		if control, err := conn.AcceptStream(context.Background()); err == nil {
			answer(conn, control)
			<-conn.Context().Done()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestBadAnswersToTheHello(t *testing.T) {
	a := join(t, medium{"quic", listenQUIC}, 1, Config{HandshakeTimeout: time.Second})
	answers := map[string]struct {
		answer func(*quic.Conn, *quic.Stream)
		want   error
	}{
		"silence":      {func(*quic.Conn, *quic.Stream) {}, ErrTimeout},
		"another kind": {func(_ *quic.Conn, st *quic.Stream) { _, _ = st.Write([]byte{2}) }, ErrBadStream},
		"the end":      {func(_ *quic.Conn, st *quic.Stream) { _ = st.Close() }, ErrBadStream},
		"a reset":      {func(_ *quic.Conn, st *quic.Stream) { st.CancelWrite(1) }, ErrBadStream},
		"a refusal":    {func(c *quic.Conn, _ *quic.Stream) { _ = c.CloseWithError(1, "go\x07 away") }, ErrNotAuthorized},
		"a full house": {func(c *quic.Conn, _ *quic.Stream) { _ = c.CloseWithError(2, "") }, ErrRefused},
	}
	for name, test := range answers {
		key := keyOf(t, 50)
		err := tryDial(t, a, key.ID(), answering(t, key, test.answer))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	if len(a.up) != 0 {
		t.Error("a session came up")
	}
}
