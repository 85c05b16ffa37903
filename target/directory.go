package target

import (
	"fmt"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Where a directory decides (protocol §4.14) a held copy takes the source's certificate to it and claims the COMMIT. Only
// the directory's answer lets it make the entry: the other half of the signature is its own, and whoever had both before the
// decision could make an entry of an attempt that is aborted.

// promised takes the certificate. One for another attempt than the held one is of an attempt that is over, or comes
// before its Final does: it comes again.
func (m *Machine) promised(from crypto.NodeID, msg *wire.Promised) {
	switch {
	case m.state == active:
		m.ack(from)
	case m.state == activating:
		m.ackLater(from)
	case m.state != holding || msg.Attempt() != m.held:
	default:
		if err := m.checkCert(&msg.Cert); err != nil {
			m.send(from, refusalOf(wire.TypePromised, m.ref, err))
			return
		}
		m.cert = &msg.Cert
		m.consult()
	}
}

// checkCert holds a certificate against the hold.
func (m *Machine) checkCert(cert *crypto.FreezeCert) error {
	if err := cert.Verify(m.epochKey); err != nil {
		return err
	}
	if wire.Attempt(cert.Attempt) != m.held {
		return fmt.Errorf("target: the certificate is for attempt %v: %w", wire.Attempt(cert.Attempt), wire.ErrWrongPhase)
	}
	h := cert.Handover()
	return m.follows(&h)
}

// consult asks the directory, once at a time, for the COMMIT if it can be claimed, and else for what was decided.
func (m *Machine) consult() {
	if !m.directory || m.consulting || m.state != holding {
		return
	}
	m.consulting = true
	if m.cert == nil {
		m.out.Consults = append(m.out.Consults, ConsultOutcome{Attempt: m.held})
		return
	}
	m.out.Consults = append(m.out.Consults, ConsultCommit{Cert: *m.cert, Hold: m.signedHold().Signature})
}

// decided takes the directory's word about an attempt.
func (m *Machine) decided(in Decided) {
	m.consulting = false
	if m.state != holding || in.Attempt != m.held {
		if m.cert != nil {
			m.consult() // the one that came meanwhile
		}
		return
	}
	switch {
	case in.Err != nil || in.Decision == wire.DecisionNone: // it is asked again when the source is
	case in.Decision == wire.DecisionAbort:
		m.abortedAttempt(in.Attempt)
	default:
		m.accept(in.Cert)
	}
}

// elsewhere reports whether a committed certificate is for another copy than this one: whoever asked for the hold here, with
// words of a real move perhaps, cannot make this the daemon any more (protocol §4.6.5).
func (m *Machine) elsewhere(cert *crypto.FreezeCert) bool {
	return cert.Verify(m.epochKey) == nil && cert.Epoch == m.ref.Epoch+1 && (cert.To != m.cfg.Node || cert.Next != m.key.Public())
}

// accept makes the entry of the certificate that was committed, whoever brought it to the directory.
func (m *Machine) accept(cert crypto.FreezeCert) {
	if m.elsewhere(&cert) {
		m.release(m.held)
		m.drop(wire.ReasonMoved, "the directory has given the daemon to another copy")
		return
	}
	if err := m.checkCert(&cert); err != nil {
		m.doubt = true // the directory has something that the source cannot have signed for this hold
		return
	}
	ev, _, err := crypto.Accept(m.key, cert)
	if err != nil {
		panic("target: internal error: the key of a held copy cannot accept: " + err.Error())
	}
	m.ackLater(m.source)
	m.activateWith(ev)
}
