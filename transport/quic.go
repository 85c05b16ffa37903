package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
)

// socket is the carrier over QUIC: one UDP socket on which the node both
// listens and dials, so that one open port is enough.
type socket struct {
	n         *network
	udp       *net.UDPConn
	transport *quic.Transport
	listener  *quic.Listener
	cert      tls.Certificate
	gate      *gate
	ledger    *ledger
	dialing   *quic.Config
}

// ListenQUIC attaches a node to the network: it listens and can dial until the
// Network is closed. It fails if the address cannot be listened on or the
// configuration makes no sense.
func ListenQUIC(cfg Config, r Receiver) (Network, error) {
	n, err := newNetwork(cfg, r)
	if err != nil {
		return nil, err
	}
	q := &socket{n: n, gate: newGate(n.cfg), ledger: newLedger(n.cfg.WindowBytes)}
	if q.cert, err = selfSigned(n.cfg.Key); err != nil {
		return nil, err
	}
	if q.udp, err = listenUDP(n.cfg.Listen); err != nil {
		return nil, err
	}
	if err := q.listen(); err != nil {
		// The socket was never used; its error would add nothing.
		_ = q.udp.Close()
		return nil, fmt.Errorf("transport: listen on %s: %w", n.cfg.Listen, err)
	}
	n.carrier = q
	n.running.Go(q.accept)
	return n, nil
}

// listenUDP opens the socket.
func listenUDP(listen string) (*net.UDPConn, error) {
	if listen == "" {
		listen = ":0"
	}
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("transport: listen address: %w", err)
	}
	udp, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	return udp, nil
}

// listen starts QUIC on the socket.
func (q *socket) listen() error {
	q.transport = &quic.Transport{
		Conn:                q.udp,
		VerifySourceAddress: q.gate.mustProve,
		ConnContext:         q.gate.admit,
	}
	if key := q.n.cfg.ResetKey; key != [32]byte{} {
		reset := quic.StatelessResetKey(key)
		q.transport.StatelessResetKey = &reset
	}
	listening := q.config()
	// quic-go ends a handshake after twice this time, however busy it looks.
	listening.HandshakeIdleTimeout = q.n.cfg.HandshakeTimeout / 2
	listening.MaxIncomingStreams = 2 // control and submit
	q.dialing = q.config()
	q.dialing.HandshakeIdleTimeout = q.n.cfg.HandshakeTimeout
	q.dialing.MaxIncomingStreams = -1
	var err error
	q.listener, err = q.transport.Listen(serverTLS(q.cert), listening)
	return err
}

// config is the part that both directions share. Everything that bounds memory
// is set here, so that a new default of quic-go changes nothing.
func (q *socket) config() *quic.Config {
	return &quic.Config{
		MaxIdleTimeout:                 q.n.cfg.IdleTimeout,
		KeepAlivePeriod:                q.n.cfg.KeepAlive,
		InitialStreamReceiveWindow:     streamWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: sessionWindow,
		MaxConnectionReceiveWindow:     maxSessionWindow,
		AllowConnectionWindowIncrease:  q.ledger.grant,
		MaxIncomingUniStreams:          int64(2 * q.n.cfg.Transfers), // events and snapshots
		Allow0RTT:                      false,
		EnableDatagrams:                false,
	}
}

// accept serves the peers that connect until the network closes.
func (q *socket) accept() {
	for {
		conn, err := q.listener.Accept(q.n.ctx)
		if err != nil {
			return
		}
		done, ok := q.n.enter()
		if !ok {
			return // Close destroys the connection
		}
		go func() {
			defer done()
			q.serve(conn)
		}()
	}
}

// serve answers one connection.
func (q *socket) serve(conn *quic.Conn) {
	defer handshakeDone(conn.Context())
	peer, err := identify(conn.ConnectionState().TLS)
	if err != nil {
		// Verified in the handshake already; this is the second look.
		_ = conn.CloseWithError(quic.ApplicationErrorCode(CodeProtocol), cleanReason(err.Error()))
		return
	}
	q.ledger.open(conn)
	q.n.serve(&quicMux{conn: conn, node: peer})
}

// dial implements carrier.
func (q *socket) dial(ctx context.Context, addr string, want crypto.NodeID) (mux, error) {
	target, err := resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	// The node that is wanted is part of the TLS configuration, so that a wrong
	// one fails the handshake instead of being told anything.
	conn, err := q.transport.Dial(ctx, target, clientTLS(q.cert, want), q.dialing)
	if err = quicCause(err); errors.Is(err, ErrTimeout) {
		// Silence before the handshake is over means that nobody is there.
		return nil, ErrUnreachable
	}
	if err != nil {
		return nil, err
	}
	q.ledger.open(conn)
	return &quicMux{conn: conn, node: want}, nil
}

// resolve turns host:port into an address, asking the resolver for names.
func resolve(ctx context.Context, addr string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: not an address: %w", ErrUnreachable, err)
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	// A name with several addresses stands for its first; who wants them tried
	// one after the other lists them in Dial.
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return &net.UDPAddr{IP: ips[0].AsSlice(), Port: number, Zone: ips[0].Zone()}, nil
}

// addrs implements carrier. A socket on every interface is reachable at each of
// their addresses; loopback is worth telling only if there is nothing else.
func (q *socket) addrs() []string {
	// A UDPConn's address is of this type, always.
	local := q.udp.LocalAddr().(*net.UDPAddr)
	if !local.IP.IsUnspecified() {
		return []string{local.String()}
	}
	return reachable(interfaceIPs(), local.Port)
}

// close implements carrier. Connections are gone already; what is left of them
// is the farewell that quic-go repeats to late packets.
func (q *socket) close() error {
	// Listener, QUIC, socket: each would complain if the next went first. The
	// first error is reported, the rest is closed all the same.
	err := q.listener.Close()
	if e := q.transport.Close(); err == nil {
		err = e
	}
	if e := q.udp.Close(); err == nil {
		err = e
	}
	return err
}
