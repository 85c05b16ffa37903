package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A carrier makes connections: QUIC's socket, or a place in a Hub.
type carrier interface {
	// dial connects to addr and proves that want is there.
	dial(ctx context.Context, addr string, want crypto.NodeID) (mux, error)
	addrs() []string
	// close releases what the carrier holds. No session is left when it is
	// called, and no call of serve is running.
	close() error
}

// network implements Network over any carrier.
type network struct {
	cfg      Config
	receiver Receiver
	carrier  carrier
	guests   *guests
	callers  *callers
	buffers  buffers
	tap      func(from crypto.NodeID, ch wire.Channel, h wire.Header, body []byte) error // nil, or the Hub's hooks

	ctx     context.Context // ends when Close begins
	cancel  context.CancelFunc
	running sync.WaitGroup // sessions, handshakes, the carrier's accept loop

	mu       sync.Mutex
	closed   bool // nothing may be added to running
	last     SessionID
	sessions map[SessionID]*session
}

// newNetwork returns a network whose carrier the caller still has to set.
func newNetwork(cfg Config, r Receiver) (*network, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &network{
		cfg: cfg, receiver: r,
		guests:   newGuests(cfg),
		callers:  &callers{max: cfg.PendingCallers},
		sessions: make(map[SessionID]*session),
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

// Dial implements Network.
func (n *network) Dial(ctx context.Context, peer crypto.NodeID, addrs []string) (SessionID, error) {
	done, ok := n.enter()
	if !ok {
		return 0, ErrClosed
	}
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.ctx, func() { cancel(ErrClosed) })()
	return n.dialEach(ctx, peer, addrs)
}

// dialEach tries the addresses in order. A peer that answered with the right
// key and then refused is not asked again at its other addresses.
func (n *network) dialEach(ctx context.Context, peer crypto.NodeID, addrs []string) (SessionID, error) {
	if len(addrs) == 0 {
		return 0, fmt.Errorf("%w: no address of %s is known", ErrUnreachable, peer)
	}
	var failed dialErrors
	for _, addr := range addrs {
		s, err := n.dialOne(ctx, peer, addr)
		if err == nil {
			return s.info.ID, nil
		}
		failed = append(failed, &AddrError{Addr: addr, Err: err})
		if closed := (*ClosedError)(nil); ctx.Err() != nil || errors.As(err, &closed) {
			break
		}
	}
	return 0, failed
}

// dialOne opens a session at one address, hello included.
func (n *network) dialOne(ctx context.Context, peer crypto.NodeID, addr string) (*session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, n.cfg.HandshakeTimeout, errOurPatience)
	defer cancel()
	m, err := n.carrier.dial(ctx, addr, peer)
	if err != nil {
		return nil, dialCause(ctx, err, ErrUnreachable)
	}
	control, submit, err := greet(ctx, m)
	if err != nil {
		m.shut(CodeSilent, "the dialer gave up")
		return nil, dialCause(ctx, m.cause(err), ErrTimeout)
	}
	// What the peer may do here does not depend on who dialed; a peer that is
	// not listed may do nothing, but we may want something of it.
	rights, _ := n.cfg.Authorize(peer)
	return n.admit(m, n.guests.enter(peer, false), Session{Peer: peer, Rights: rights}, control, submit)
}

// serve answers a peer that connected. It returns once the session is up or the
// peer has been turned away.
func (n *network) serve(m mux) {
	peer := m.peer()
	rights, known := n.cfg.Authorize(peer)
	if !known {
		n.callers.note(peer, m.remote(), time.Now())
		m.shut(CodeNotAuthorized, howToAuthorize(peer))
		return
	}
	n.callers.forget(peer)
	// The place is taken before the hello: a node that connects again and again
	// and never says one takes up its own sessions, not everybody's handshakes.
	g := n.guests.enter(peer, true)
	if g == nil {
		m.shut(CodeTooMany, fmt.Sprintf("%d sessions of this node are open already", n.cfg.SessionsPerNode))
		return
	}
	// Known peers are held to a deadline like anyone: theirs may be the machine
	// that is broken.
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.HandshakeTimeout)
	defer cancel()
	control, submit, err := answer(ctx, m)
	if err != nil {
		n.guests.leave(peer, true)
		m.shut(CodeSilent, "no hello in time")
		return
	}
	// An error has been told to the peer, and there is nobody else to tell.
	_, _ = n.admit(m, g, Session{Peer: peer, Rights: rights, Inbound: true}, control, submit)
}

// admit turns a mux into a session, reports it and sets it going. To a peer
// that dialed it sends the hello that the peer waits for. The session leaves the
// account g, which the peer has entered, when it ends.
func (n *network) admit(m mux, g *guest, info Session, control, submit stream) (*session, error) {
	info.Remote = m.remote()
	s := newSession(n, m, control, submit)
	s.guest = g
	if !n.register(s, info) {
		n.guests.leave(info.Peer, info.Inbound)
		m.shut(CodeShutdown, "the node is stopping")
		return nil, ErrClosed
	}
	// SessionUp first, then the hello, then frames: when the dialer learns that
	// it was let in, this side is ready for it.
	n.receiver.SessionUp(s.info)
	if info.Inbound {
		// If this fails the connection is gone, and the supervisor finds out.
		_, _ = control.Write([]byte{byte(wire.ChannelControl)})
	}
	s.start()
	go func() {
		defer n.running.Done()
		s.supervise()
	}()
	return s, nil
}

// register gives the session its id, and announces its supervisor to Close.
func (n *network) register(s *session, info Session) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.last++
	info.ID = n.last
	s.info = info
	n.sessions[info.ID] = s
	n.running.Add(1)
	return true
}

// forget drops a session that has ended.
func (n *network) forget(s *session) {
	n.guests.leave(s.info.Peer, s.info.Inbound)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.sessions, s.info.ID)
}

// session looks a session up; nil if there is none.
func (n *network) session(id SessionID) *session {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[id]
}

// enter announces a caller or goroutine that Close has to wait for.
func (n *network) enter() (done func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, false
	}
	n.running.Add(1)
	return n.running.Done, true
}

// Send implements Network.
func (n *network) Send(id SessionID, ch wire.Channel, mig wire.MigrationID, frame []byte) error {
	s := n.session(id)
	if s == nil {
		return ErrNoSession
	}
	return s.send(ch, mig, frame)
}

// CloseEvents implements Network.
func (n *network) CloseEvents(id SessionID, mig wire.MigrationID) {
	if s := n.session(id); s != nil {
		s.closeEvents(mig)
	}
}

// OpenSnapshot implements Network.
func (n *network) OpenSnapshot(ctx context.Context, id SessionID, ref wire.Ref) (SnapshotWriter, error) {
	s := n.session(id)
	if s == nil {
		return nil, ErrNoSession
	}
	w, err := s.openSnapshot(ctx, ref)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Addrs implements Network.
func (n *network) Addrs() []string {
	if len(n.cfg.Advertise) > 0 {
		return append([]string(nil), n.cfg.Advertise...)
	}
	return n.carrier.addrs()
}

// Pending implements Network.
func (n *network) Pending() []Pending { return n.callers.all() }

// inspect shows a frame to the Hub's hooks before it is delivered.
func (n *network) inspect(from crypto.NodeID, ch wire.Channel, h wire.Header, body []byte) error {
	if n.tap == nil {
		return nil
	}
	return n.tap(from, ch, h, body)
}

// Close implements Network. A second call waits like the first.
func (n *network) Close() error {
	// 1. Ask: sessions, handshakes and the accept loop begin to end.
	// 2. Wait: for all of them, and for calls of Dial.
	// 3. Only then take away the socket, so that the peers were told.
	first := n.stop()
	n.running.Wait()
	if !first {
		return nil
	}
	return n.carrier.close()
}

// stop asks everything to end. It reports whether it was the first to ask.
func (n *network) stop() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := !n.closed
	n.closed = true
	n.cancel()
	for _, s := range n.sessions {
		s.endHere(CodeShutdown, "the node is stopping", ErrClosed)
	}
	return first
}
