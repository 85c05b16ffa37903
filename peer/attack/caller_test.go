package attack

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// caller is a session made of nothing but quic-go, which can break any rule.
type caller struct {
	t               testing.TB
	conn            *quic.Conn
	control, submit *quic.Stream
	heard           chan wire.Message // what the victim says on control, if anybody listens
}

// identity is the TLS side of a node.
func identity(t testing.TB, key *crypto.NodeKeypair) *tls.Config {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public().(ed25519.PublicKey), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"ferry/1"},
	}
}

// connect finishes the handshake and says nothing.
func (v *victim) connect(key *crypto.NodeKeypair) (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return quic.DialAddr(ctx, v.Addrs[0], identity(v.t, key), &quic.Config{
		MaxIncomingUniStreams: 256, KeepAlivePeriod: time.Second, MaxIdleTimeout: patience,
		// Small, so that one who does not read holds the sender up soon.
		InitialStreamReceiveWindow: 16 << 10, MaxStreamReceiveWindow: 16 << 10,
		InitialConnectionReceiveWindow: 32 << 10, MaxConnectionReceiveWindow: 32 << 10,
	})
}

// call opens a session as a node, hello included.
func (v *victim) call(key *crypto.NodeKeypair) *caller {
	v.t.Helper()
	c, err := v.tryCall(key)
	if err != nil {
		v.t.Fatalf("call: %v", err)
	}
	return c
}

func (v *victim) tryCall(key *crypto.NodeKeypair) (*caller, error) {
	conn, err := v.connect(key)
	if err != nil {
		return nil, err
	}
	c := &caller{t: v.t, conn: conn, heard: make(chan wire.Message, 1024)}
	v.t.Cleanup(c.hangUp)
	if c.control, err = c.open(wire.ChannelControl); err != nil {
		return nil, err
	}
	if c.submit, err = c.open(wire.ChannelSubmit); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(c.control, make([]byte, 1)); err != nil {
		return nil, err
	}
	return c, c.say(c.control, &wire.Hello{Versions: subproto.Supported(true), Boot: 1})
}

func (c *caller) hangUp() { _ = c.conn.CloseWithError(0, "") }

func (c *caller) open(ch wire.Channel) (*quic.Stream, error) {
	st, err := c.conn.OpenStream()
	if err == nil {
		_, err = st.Write([]byte{byte(ch)})
	}
	return st, err
}

// one opens a one-way stream that belongs to a migration. It waits for the victim's leave.
func (c *caller) one(ch wire.Channel, ref wire.Ref) (*quic.SendStream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	st, err := c.conn.OpenUniStreamSync(ctx)
	if err == nil {
		_, err = st.Write(transport.AppendStreamHeader(nil, transport.StreamHeader{Channel: ch, Ref: ref}))
	}
	return st, err
}

func (c *caller) say(w io.Writer, m wire.Message) error {
	_, err := w.Write(wire.AppendFrame(nil, m))
	return err
}

// listen reads both streams for as long as there is something to read. What comes on control is kept if keep
// says so; what nobody takes in time is dropped, so that a caller that only floods is never held up.
func (c *caller) listen(keep func(wire.Message) bool) {
	go c.drain(c.submit, func(wire.Message) bool { return false })
	go c.drain(c.control, keep)
}

func (c *caller) drain(r io.Reader, keep func(wire.Message) bool) {
	var buf []byte
	for {
		h, body, err := wire.ReadFrame(r, buf)
		if err != nil {
			return
		}
		buf = body
		m, err := wire.Decode(h, append([]byte(nil), body...))
		if err != nil || !keep(m) {
			continue
		}
		select {
		case c.heard <- m:
		default:
		}
	}
}

// hears waits for a message of one type.
func hears[M wire.Message](c *caller) (m M) {
	c.t.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-c.heard:
			if m, ok := got.(M); ok {
				return m
			}
		case <-c.conn.Context().Done():
			c.t.Fatalf("waiting for %T: %v", m, context.Cause(c.conn.Context()))
		case <-late:
			c.t.Fatalf("waited %v for %T", patience, m)
		}
	}
}

// mark is a question whose answer shows that everything before it on its stream has been taken.
var mark = &wire.Ask{Ref: wire.Ref{Migration: wire.MigrationID{0xff}, Origin: 1, Epoch: 1}}

func isMark(m wire.Message) bool {
	a, ok := m.(*wire.Answer)
	return ok && a.Migration == mark.Migration
}

// greeted waits until the hello of a caller who listens for marks has been taken: what comes on the other stream
// before it, beyond a few frames, is refused.
func (c *caller) greeted() {
	c.t.Helper()
	if err := c.say(c.control, mark); err != nil {
		c.t.Fatal(err)
	}
	hears[*wire.Answer](c)
}

// ends waits until the victim has ended the session, and returns the code it gave.
func (c *caller) ends() transport.Code {
	c.t.Helper()
	return endOf(c.t, c.conn)
}

func endOf(t testing.TB, conn *quic.Conn) transport.Code {
	t.Helper()
	select {
	case <-conn.Context().Done():
	case <-time.After(patience):
		t.Fatalf("the session was not ended in %v", patience)
	}
	closed := (*quic.ApplicationError)(nil)
	if err := context.Cause(conn.Context()); !errors.As(err, &closed) {
		t.Fatalf("the session ended with %v", err)
	}
	return transport.Code(closed.ErrorCode)
}

// invented returns a daemon that nobody has; each number is another.
func invented(n uint64) (crypto.EntityID, wire.Ref) {
	entity := crypto.EntityID{0: 0xee, 1: byte(n), 2: byte(n >> 8), 3: byte(n >> 16), 4: byte(n >> 24)}
	return entity, wire.Ref{Migration: wire.MigrationID(entity[:16]), Origin: crypto.OriginOf(entity), Epoch: 1}
}
