package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// The dialer opens both bidirectional streams at once, each with its channel, and
// then waits for one byte on the control stream. Only that byte proves that it
// was let in: in TLS 1.3 the dialer's handshake is over before the other side
// has looked at its key. The wait costs a round trip when a session begins,
// which no cutover has to pay, and gives the operator a clear answer instead of
// a session that dies a moment later.

// errNoHello: the peer proved who it is and then ended the conversation.
var errNoHello = fmt.Errorf("%w: it ended before the hello", ErrBadStream)

// greet is the dialer's half of the hello.
func greet(ctx context.Context, m mux) (control, submit stream, err error) {
	stop := context.AfterFunc(ctx, func() { m.shut(CodeSilent, "the hello took too long") })
	defer stop()
	if control, err = openChannel(m, wire.ChannelControl); err != nil {
		return nil, nil, err
	}
	if submit, err = openChannel(m, wire.ChannelSubmit); err != nil {
		return nil, nil, err
	}
	head, err := readStreamHeader(control)
	switch {
	case errors.Is(err, io.EOF):
		err = errNoHello
	case err == nil && head.Channel != wire.ChannelControl:
		err = errWrongStream
	}
	return control, submit, err
}

// openChannel opens a bidirectional stream and says what it is.
func openChannel(m mux, ch wire.Channel) (stream, error) {
	st, err := m.openPair()
	if err != nil {
		return nil, err
	}
	_, err = st.Write(AppendStreamHeader(nil, StreamHeader{Channel: ch}))
	return st, err
}

// answer is the acceptor's half, up to the byte that admit sends. The streams
// may arrive in either order.
func answer(ctx context.Context, m mux) (control, submit stream, err error) {
	stop := context.AfterFunc(ctx, func() { m.shut(CodeSilent, "no hello in time") })
	defer stop()
	for range 2 {
		st, err := m.acceptPair(ctx)
		if err != nil {
			return nil, nil, err
		}
		head, err := readStreamHeader(st)
		switch {
		case err != nil:
			return nil, nil, err
		case head.Channel == wire.ChannelControl && control == nil:
			control = st
		case head.Channel == wire.ChannelSubmit && submit == nil:
			submit = st
		default:
			return nil, nil, errWrongStream
		}
	}
	return control, submit, nil
}

// NotAuthorizedHere begins what an unknown caller is told. Its own operator is told by others that repeat it, to whom the error
// has come as words.
const NotAuthorizedHere = "not authorized here"

// howToAuthorize is what an unknown caller is told. It goes to the operator of
// the caller, who cannot act on this node; hence the whole command.
func howToAuthorize(peer crypto.NodeID) string {
	line := strings.TrimSpace(crypto.AuthorizedLine(peer, nil, ""))
	return cleanReason(NotAuthorizedHere + ": ask its operator to run `peer key authorize '" + line + "'`")
}

// errOurPatience is the cause of a context that ended because HandshakeTimeout
// passed, as opposed to one that its caller ended.
var errOurPatience = errors.New("transport: handshake timeout")

// dialCause explains why an attempt failed, given that its context may have
// ended it. late is what it means, at that point, that time has passed without
// an answer. A caller's own deadline or cancellation stays recognizable.
func dialCause(ctx context.Context, err, late error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil, errors.Is(err, ErrNotAuthorized), errors.Is(err, ErrRefused):
		// An answer that came just in time is worth more than the deadline.
		return err
	case errors.Is(cause, errOurPatience):
		return late
	case errors.Is(cause, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrTimeout, cause)
	}
	return cause
}
