package transport

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// class is a sentinel that also matches a broader error, by which the layers
// above decide whether to retry and what crosses the wire.
type class struct {
	text  string
	wider error
}

// Error returns the text of the class.
func (e *class) Error() string { return e.text }

// Unwrap returns the broader error.
func (e *class) Unwrap() error { return e.wider }

// Errors of sessions, matched with errors.Is.
var (
	// ErrUnreachable: nobody answered at the address.
	ErrUnreachable error = &class{"transport: nobody answers", wire.ErrUnreachable}
	// ErrTimeout: the peer was there, then stopped answering, or the caller's
	// context ran out first.
	ErrTimeout error = &class{"transport: the peer stopped answering", wire.ErrUnreachable}
	// ErrRefused: somebody is there and does not take the session: it is full,
	// is shutting down, or does not speak our protocol.
	ErrRefused error = &class{"transport: the session was refused", wire.ErrRefused}
	// ErrNotAuthorized: the peer does not know this node. The text around it
	// is the peer's, and says what to do.
	ErrNotAuthorized error = &class{"transport: not authorized", wire.ErrRefused}
	// ErrBadIdentity: the other side's certificate is not what this protocol
	// allows: one, self-signed, ed25519, of a key that is safe to trust.
	ErrBadIdentity error = &class{"transport: bad identity", wire.ErrWrongPeer}
	// ErrQueueFull: the peer reads too slowly; the session is ending.
	ErrQueueFull error = &class{"transport: send queue is full", wire.ErrBufferFull}
	// ErrNoSession: no session has that id, or it has ended.
	ErrNoSession error = &class{"transport: no such session", wire.ErrUnreachable}
	// ErrBadStream: the peer broke a rule of streams or frames.
	ErrBadStream error = &class{"transport: bad stream", wire.ErrBadFrame}
	// ErrCut: a snapshot stream ended before its last chunk.
	ErrCut error = errors.New("transport: snapshot stream was cut")
	// ErrClosed: this network was closed.
	ErrClosed error = &class{"transport: network is closed", net.ErrClosed}
)

// WrongNodeError says that an address belongs to another node than the one
// dialed. It matches wire.ErrWrongPeer.
type WrongNodeError struct {
	Want, Got crypto.NodeID
}

// AnotherNodeHere begins the text of a WrongNodeError, for those who get it as words from another node.
const AnotherNodeHere = "another node is at this address"

// Error names both nodes.
func (e *WrongNodeError) Error() string {
	return fmt.Sprintf("transport: "+AnotherNodeHere+", %s instead of %s", e.Got, e.Want)
}

// Unwrap returns wire.ErrWrongPeer.
func (e *WrongNodeError) Unwrap() error { return wire.ErrWrongPeer }

// Code tells the other side why a session ended. Numbers are part of the
// protocol: append only.
type Code uint64

// The codes.
const (
	CodeClosed        Code = 0 // no reason given
	CodeNotAuthorized Code = 1 // the caller is not listed here
	CodeTooMany       Code = 2 // a limit on sessions is reached
	CodeProtocol      Code = 3 // the peer broke a rule
	CodeTooSlow       Code = 4 // the peer did not read fast enough
	CodeShutdown      Code = 5 // the node is stopping
	CodeDisconnect    Code = 6 // the node above the transport ended it; no node sends it
	CodeSilent        Code = 7 // the peer connected and then did not say hello
)

// ClosedError says which side ended a session and with which words. It matches
// ErrNotAuthorized or ErrRefused by its code if the peer ended it, and the
// local cause, such as ErrQueueFull, if we did.
type ClosedError struct {
	Code   Code
	Reason string // printable, at most 256 bytes, whoever wrote it
	Remote bool   // the peer ended the session
	cause  error
}

// Error says who closed the session and why.
func (e *ClosedError) Error() string {
	who := "closed here"
	if e.Remote {
		who = "closed by the peer"
	}
	if e.Reason == "" {
		return "transport: " + who
	}
	return "transport: " + who + ": " + e.Reason
}

// Unwrap returns the class or cause of the error, if it has one.
func (e *ClosedError) Unwrap() error {
	switch {
	case !e.Remote:
		return e.cause
	case e.Code == CodeNotAuthorized:
		return ErrNotAuthorized
	case e.Code == CodeTooMany, e.Code == CodeShutdown:
		return ErrRefused
	}
	return nil
}

// AddrError says what happened at one address of a dialed node.
type AddrError struct {
	Addr string
	Err  error
}

// Error returns the address and its error.
func (e *AddrError) Error() string { return e.Addr + ": " + e.Err.Error() }

// Unwrap returns the error at that address.
func (e *AddrError) Unwrap() error { return e.Err }

// maxReason bounds the text that explains the end of a session, in bytes. It
// fits the packet that carries it.
const maxReason = 256

// cleanReason makes a text safe to send and to print: one line of printable
// ASCII, because some of it was written by a stranger.
func cleanReason(s string) string {
	s = strings.TrimPrefix(s, errPrefix)
	if len(s) > maxReason {
		s = s[:maxReason]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// errPrefix starts the text of this package's errors; a chain of them shows it
// once.
const errPrefix = "transport: "

// dialErrors holds what happened at each address of a peer, in order.
type dialErrors []*AddrError

// Error returns all of it in one line, the package named once.
func (e dialErrors) Error() string {
	parts := make([]string, len(e))
	for i, failed := range e {
		parts[i] = failed.Addr + ": " + strings.TrimPrefix(failed.Err.Error(), errPrefix)
	}
	return errPrefix + strings.Join(parts, "; ")
}

// Unwrap returns the errors, one per address that was tried.
func (e dialErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i, failed := range e {
		all[i] = failed
	}
	return all
}
