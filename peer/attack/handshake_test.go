package attack

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// handshakes is the transport's default limit of those that are under way.
const handshakes = 256

// deaf is a socket whose owner never hears an answer.
type deaf struct {
	net.PacketConn
	closed chan struct{}
	once   sync.Once
}

func (d *deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.closed
	return 0, nil, net.ErrClosed
}

func (d *deaf) SetReadDeadline(time.Time) error { return nil }

func (d *deaf) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.PacketConn.Close()
}

// Initials come from an address that never answers, which is what forged ones look like. The first ones of its
// network cost a handshake each, until the time for it is over; all others are sent away to prove their address
// and cost nothing. Whoever does prove it gets in meanwhile.
func TestInitialsThatAreNeverCompleted(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // a deaf socket has no buffers
	v := attacked(t, 0)
	target, err := net.ResolveUDPAddr("udp", v.Addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket := &deaf{PacketConn: udp, closed: make(chan struct{})}
	tr := &quic.Transport{Conn: socket}
	ctx, stop := context.WithCancel(context.Background())
	var dials sync.WaitGroup
	for range 3 * handshakes {
		dials.Go(func() {
			_, _ = tr.Dial(ctx, target, identity(t, newKey(t)), &quic.Config{HandshakeIdleTimeout: patience})
		})
	}
	defer func() {
		stop()
		dials.Wait()
		_ = socket.Close()
		_ = tr.Close()
	}()
	v.serves()
	v.admits()
	v.within("half-open handshakes", bound{heap: 32 << 20, peak: 128 << 20, goroutines: 4 * handshakes, files: 4})
	stop()
	v.within("after they expired", bound{heap: 16 << 20, peak: 128 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
}

// Strangers who prove a key that nobody has listed are told so and are gone: no session, no memory beyond the
// last few names.
func TestStrangersLeaveNothing(t *testing.T) {
	v := attacked(t, 0)
	for range 200 {
		conn, err := v.connect(newKey(t))
		if err != nil {
			continue // turned away before its own side of the handshake was done
		}
		if code := endOf(t, conn); code != transport.CodeNotAuthorized {
			t.Fatalf("a stranger was sent away with code %d, want %d", code, transport.CodeNotAuthorized)
		}
	}
	v.serves()
	f := v.within("strangers", bound{heap: 8 << 20, peak: 64 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
	if f.Peers > v.calm.Peers {
		t.Errorf("%d peers are remembered, before there were %d", f.Peers, v.calm.Peers)
	}
}

// A known node that finishes the handshake again and again and never says hello cannot take more places than it
// may have sessions, so that others still get in. Its connections end by themselves.
func TestSilentConnectionsTakeNoMoreThanSessions(t *testing.T) {
	v := attacked(t, wire.AllRights)
	waiting := make(map[*quic.Conn]bool)
	for range handshakes + 50 {
		conn, err := v.connect(v.attacker)
		if err != nil {
			t.Fatalf("after %d connections: %v", len(waiting), err)
		}
		waiting[conn] = true
	}
	v.admits()
	v.serves()
	v.within("connections without a hello", bound{heap: 32 << 20, peak: 128 << 20, goroutines: (sessionsPerNode + 2) * goroutinesPerSession, files: 4})
	for conn := range waiting {
		if code := endOf(t, conn); code != transport.CodeSilent && code != transport.CodeTooMany {
			t.Errorf("a silent connection ended with code %d", code)
		}
	}
	v.within("after they expired", bound{heap: 16 << 20, peak: 128 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
}

// Sessions that are opened and dropped leave nothing behind, whether they say goodbye or not.
func TestSessionsOpenedAndDropped(t *testing.T) {
	v := attacked(t, wire.AllRights)
	for range 200 {
		c := v.call(v.attacker)
		_, ref := invented(1)
		if _, err := c.one(wire.ChannelEvents, ref); err != nil {
			t.Fatal(err)
		}
		if err := c.say(c.submit, &wire.Open{Origin: v.Prey}); err != nil {
			t.Fatal(err)
		}
		c.hangUp()
	}
	v.serves()
	f := v.within("sessions opened and dropped", bound{heap: 16 << 20, peak: 96 << 20, goroutines: 2 * goroutinesPerSession, files: 4})
	if f.Sessions > v.calm.Sessions {
		t.Errorf("%d sessions are left, before there were %d", f.Sessions, v.calm.Sessions)
	}
}
