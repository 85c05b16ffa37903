package transport

import (
	"context"
	"errors"
	"fmt"

	"github.com/quic-go/quic-go"

	"github.com/ferrymesh/ferry/crypto"
)

// streamCut is the only code with which streams are reset or refused.
const streamCut quic.StreamErrorCode = 1

// quicMux is a mux over a QUIC connection.
type quicMux struct {
	conn *quic.Conn
	node crypto.NodeID
}

func (m *quicMux) peer() crypto.NodeID   { return m.node }
func (m *quicMux) remote() string        { return m.conn.RemoteAddr().String() }
func (m *quicMux) done() <-chan struct{} { return m.conn.Context().Done() }

func (m *quicMux) openPair() (stream, error) {
	st, err := m.conn.OpenStream()
	if err != nil {
		return nil, err
	}
	return quicPair{st}, nil
}

func (m *quicMux) acceptPair(ctx context.Context) (stream, error) {
	st, err := m.conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return quicPair{st}, nil
}

func (m *quicMux) openOne(ctx context.Context) (sendStream, error) {
	st, err := m.conn.OpenUniStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	return quicOut{st}, nil
}

func (m *quicMux) acceptOne(ctx context.Context) (recvStream, error) {
	st, err := m.conn.AcceptUniStream(ctx)
	if err != nil {
		return nil, err
	}
	return quicIn{st}, nil
}

func (m *quicMux) shut(code Code, reason string) {
	// Its error is always nil.
	_ = m.conn.CloseWithError(quic.ApplicationErrorCode(code), reason)
}

func (m *quicMux) cut(err error) bool {
	stream := (*quic.StreamError)(nil)
	return errors.As(err, &stream) && stream.Remote
}

func (m *quicMux) cause(err error) error {
	if err == nil {
		err = context.Cause(m.conn.Context())
	}
	return quicCause(err)
}

// quicPair, quicOut and quicIn give quic-go's streams the names used here.
type (
	quicPair struct{ *quic.Stream }
	quicOut  struct{ *quic.SendStream }
	quicIn   struct{ *quic.ReceiveStream }
)

func (s quicPair) reset()                  { s.CancelWrite(streamCut) }
func (s quicPair) refuse()                 { s.CancelRead(streamCut) }
func (s quicPair) prioritize(urgency int8) { s.SetPriority(urgency, true) }
func (s quicPair) over() <-chan struct{}   { return s.Context().Done() }

func (s quicOut) reset()                  { s.CancelWrite(streamCut) }
func (s quicOut) prioritize(urgency int8) { s.SetPriority(urgency, true) }
func (s quicOut) over() <-chan struct{}   { return s.Context().Done() }

func (s quicIn) refuse() { s.CancelRead(streamCut) }

// quicCause translates an error of quic-go. Errors of this package, contexts
// and the end of a stream pass unchanged.
func quicCause(err error) error {
	if application := (*quic.ApplicationError)(nil); errors.As(err, &application) {
		return &ClosedError{
			Code:   Code(application.ErrorCode),
			Reason: cleanReason(application.ErrorMessage),
			Remote: application.Remote,
		}
	}
	if stream := (*quic.StreamError)(nil); errors.As(err, &stream) {
		return streamCause(stream)
	}
	if transport := (*quic.TransportError)(nil); errors.As(err, &transport) {
		return transportCause(transport)
	}
	return timeoutCause(err)
}

// timeoutCause translates the errors by which a peer is found to be gone.
func timeoutCause(err error) error {
	if idle := (*quic.IdleTimeoutError)(nil); errors.As(err, &idle) {
		return ErrTimeout
	}
	if handshake := (*quic.HandshakeTimeoutError)(nil); errors.As(err, &handshake) {
		return ErrUnreachable
	}
	if reset := (*quic.StatelessResetError)(nil); errors.As(err, &reset) {
		return &ClosedError{Remote: true, Reason: "the peer was restarted"}
	}
	if version := (*quic.VersionNegotiationError)(nil); errors.As(err, &version) {
		return fmt.Errorf("%w: no common version of QUIC", ErrRefused)
	}
	return err
}

// streamCause says who gave up a stream.
func streamCause(err *quic.StreamError) error {
	if err.Remote {
		return fmt.Errorf("%w: the peer gave it up", ErrBadStream)
	}
	return fmt.Errorf("%w: it was given up here", ErrBadStream)
}

// transportCause translates a failure of QUIC or TLS itself.
func transportCause(err *quic.TransportError) error {
	if wrong := (*WrongNodeError)(nil); errors.As(err, &wrong) {
		return wrong
	}
	switch {
	case errors.Is(err, ErrBadIdentity):
		return fmt.Errorf("%w (%s)", ErrBadIdentity, cleanReason(err.Error()))
	case err.ErrorCode == quic.ConnectionRefused:
		return fmt.Errorf("%w: it takes no more sessions now", ErrRefused)
	case err.ErrorCode.IsCryptoError():
		return fmt.Errorf("%w: no agreement on protocol or identity (%s)", ErrRefused, cleanReason(err.Error()))
	}
	return fmt.Errorf("%w: %s", ErrBadStream, cleanReason(err.Error()))
}
