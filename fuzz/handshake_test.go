package fuzz

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// greeter is a node that lets everybody in and checks what its network tells it.
type greeter struct {
	transport.Network
	id    crypto.NodeID
	up    atomic.Int64 // sessions
	wrong atomic.Pointer[string]
}

func (g *greeter) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	g.wrong.CompareAndSwap(nil, &text)
}

// SessionUp implements transport.Receiver.
func (g *greeter) SessionUp(transport.Session) { g.up.Add(1) }

// SessionDown implements transport.Receiver.
func (g *greeter) SessionDown(_ transport.SessionID, err error) {
	if g.up.Add(-1) < 0 || err == nil {
		g.complain("a session went down that was not up, or without a reason: %v", err)
	}
}

// Frame implements transport.Receiver.
func (g *greeter) Frame(_ transport.SessionID, ch wire.Channel, h wire.Header, body []byte) {
	if known := h.Type.Subprotocol().Known(); known && len(body) != h.Length || !known && len(body) != 0 || len(body) > h.Type.MaxBody() {
		g.complain("%v on %v: %d bytes of %d", h.Type, ch, len(body), h.Length)
	}
	if g.up.Load() == 0 {
		g.complain("%v without a session", h.Type)
	}
}

// Snapshot implements transport.Receiver.
func (g *greeter) Snapshot(_ transport.SessionID, _ wire.Ref, r transport.SnapshotReader) {
	go func() {
		_, err := io.Copy(io.Discard, r)
		if err != nil && !errors.Is(err, wire.ErrBadSnapshot) && !errors.Is(err, io.ErrUnexpectedEOF) {
			g.complain("a snapshot ended with %v", err)
		}
		_ = r.Close()
	}()
}

// knocker is the other side, made of nothing but quic-go.
type knocker struct {
	transport *quic.Transport
	config    *tls.Config
	target    *net.UDPAddr
}

// helloPatience is how long the node waits for a hello; a network that is idle needs a few milliseconds.
const helloPatience = 100 * time.Millisecond

func newGreeter(f *testing.F) (*greeter, *knocker) {
	key, err := crypto.NodeKeypairFromSeed([32]byte{1})
	if err != nil {
		f.Fatal(err)
	}
	g := &greeter{id: key.ID()}
	g.Network, err = transport.ListenQUIC(transport.Config{
		Key: key, Listen: "127.0.0.1:0", HandshakeTimeout: helloPatience, HandshakeRate: 1 << 20, SessionsPerNode: 64,
		Authorize: func(crypto.NodeID) (wire.Rights, bool) { return wire.AllRights, true },
	}, g)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.Close() })
	return g, newKnocker(f, g)
}

func newKnocker(f *testing.F, g *greeter) *knocker {
	key, err := crypto.NodeKeypairFromSeed([32]byte{2})
	if err != nil {
		f.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public().(ed25519.PublicKey), key)
	if err != nil {
		f.Fatal(err)
	}
	target, err := net.ResolveUDPAddr("udp", g.Addrs()[0])
	if err != nil {
		f.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	k := &knocker{transport: &quic.Transport{Conn: udp}, target: target, config: &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"ferry/1"},
	}}
	f.Cleanup(func() {
		_ = k.transport.Close()
		_ = udp.Close()
	})
	return k
}

// script cuts the input into pieces, each for a stream. With a first byte of 16 and above control and submit are open
// and properly begun, so that what follows is met by a session; below, that is the input's own business.
func (k *knocker) script(conn *quic.Conn, in *tape) {
	var begun [2]io.WriteCloser
	if in.next() >= 16 {
		for i, ch := range []wire.Channel{wire.ChannelControl, wire.ChannelSubmit} {
			st, err := open(conn, 3)
			if err == nil {
				_, err = st.Write([]byte{byte(ch)})
			}
			if err != nil {
				return
			}
			begun[i] = st
			defer func() { _ = st.Close() }()
		}
	}
	for len(in.rest) > 0 && k.piece(conn, in, begun) == nil {
	}
}

// piece writes to one stream: a byte says to which, another how much. An error means that as many are open as may
// be, or that the conversation is over.
func (k *knocker) piece(conn *quic.Conn, in *tape, begun [2]io.WriteCloser) error {
	which, n := in.next()&3, int(in.next())
	text := in.rest[:min(n, len(in.rest))]
	in.rest = in.rest[len(text):]
	if which < 2 && begun[which] != nil {
		_, err := begun[which].Write(text)
		return err
	}
	st, err := open(conn, which)
	if err != nil {
		return err
	}
	if _, err = st.Write(text); err != nil {
		return err
	}
	return st.Close()
}

// open opens a stream: one way for 2, both ways for all else.
func open(conn *quic.Conn, which byte) (io.WriteCloser, error) {
	if which == 2 {
		return conn.OpenUniStream()
	}
	return conn.OpenStream()
}

// piece is one of a script.
func piece(which byte, text ...[]byte) []byte {
	b := bytes.Join(text, nil)
	return append([]byte{which, byte(len(b))}, b...)
}

// FuzzHandshake: a peer that has proven a key writes anything to any streams, and ends them. The node does not
// crash; it ends the session, or never begins one, with a code that says so; what it delivers in between is whole
// frames within their limits, and only of a session that is up.
func FuzzHandshake(f *testing.F) {
	g, k := newGreeter(f)
	hello := wire.AppendFrame(nil, &wire.Hello{Versions: subproto.Supported(false), Boot: 1})
	ref := wire.Ref{Migration: wire.MigrationID{1}, Origin: 2, Epoch: 3}
	header := func(ch wire.Channel) []byte {
		return transport.AppendStreamHeader(nil, transport.StreamHeader{Channel: ch, Ref: ref})
	}
	control, submit := piece(3, header(wire.ChannelControl), hello), piece(3, header(wire.ChannelSubmit))
	chunk := wire.AppendFrame(nil, &wire.SnapshotReady{Ref: ref, Data: []byte("abc"), Last: true})
	events := wire.AppendFrame(nil, &wire.BufferedEvents{Ref: ref})
	f.Add([]byte{})
	f.Add(bytes.Join([][]byte{{0}, control}, nil))
	f.Add(bytes.Join([][]byte{{0}, submit, control}, nil))
	f.Add(bytes.Join([][]byte{{16}, piece(0, hello), piece(1, hello)}, nil))
	f.Add(bytes.Join([][]byte{{16}, piece(2, header(wire.ChannelSnapshot), chunk), piece(0, hello)}, nil))
	f.Add(bytes.Join([][]byte{{16}, piece(2, header(wire.ChannelEvents), events), piece(2, header(wire.ChannelEvents), events[:9])}, nil))
	f.Add(bytes.Join([][]byte{{16}, piece(0, hello), piece(0, []byte{1, 1, 0xff, 0xff, 0xff, 0xff})}, nil))
	f.Add(bytes.Join([][]byte{{16}, piece(1, []byte{0x7f, 1, 0, 0, 0, 3, 1, 2, 3}), piece(2, []byte{9})}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The engine takes an input that needs a second for one that hangs. On a busy machine a handshake may, so
		// time is no finding here: that every conversation ends is what tests of package transport wait for.
		ctx, cancel := context.WithTimeout(context.Background(), 5*helloPatience)
		defer cancel()
		conn, err := k.transport.Dial(ctx, k.target, k.config, nil)
		if err != nil {
			return // the machine was busy for longer than the node waits
		}
		defer func() { _ = conn.CloseWithError(0, "") }()
		k.script(conn, &tape{data})
		select {
		case <-conn.Context().Done():
		case <-ctx.Done():
		}
		known := map[transport.Code]bool{transport.CodeProtocol: true, transport.CodeSilent: true, transport.CodeTooMany: true}
		closed := (*quic.ApplicationError)(nil)
		if err := context.Cause(conn.Context()); errors.As(err, &closed) && !known[transport.Code(closed.ErrorCode)] {
			t.Errorf("ended with code %d: %v", closed.ErrorCode, err)
		}
		if wrong := g.wrong.Load(); wrong != nil {
			t.Error(*wrong)
		}
	})
}
