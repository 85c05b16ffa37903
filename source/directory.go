package source

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Where a directory decides (protocol §4.14) the source does not commit. It promises, durably, not to end the attempt alone
// any more, and sends the certificate that says so to the target, which claims the COMMIT. When the source's patience is at an
// end it claims the ABORT. Whichever the directory decides first, both are told; nobody guesses.

// A question that the directory did not answer is asked again after consultMin, and later after longer, up to consultMax.
const (
	consultMin = 100 * time.Millisecond
	consultMax = 2 * time.Second
	// directoryGrace is how long a directory may fail to say who holds the daemon before the migration gives up. Nothing is frozen for that.
	directoryGrace = 10 * time.Second
)

// bound reports whether the attempt, or the daemon, is not the source's to give up any more.
func (m *Machine) bound() bool { return m.state >= promising }

// inquiry is what the machine knows of the directory.
type inquiry struct {
	listed bool      // it has this node as the holder of this epoch
	asked  bool      // a question is under way
	at     time.Time // when to ask next; zero for not at all
	wait   time.Duration
	since  time.Time // when it was first asked
}

func (m *Machine) consult(c Consult) {
	m.directory.asked, m.directory.at = true, time.Time{}
	m.out.Consults = append(m.out.Consults, c)
}

// consultLater asks again after a while.
func (m *Machine) consultLater() {
	d := &m.directory
	d.wait = min(max(2*d.wait, consultMin), consultMax)
	d.at = m.now.Add(d.wait)
}

// consultIfDue asks what there is to ask: who holds the daemon, before anything is frozen for its sake, and for the
// ABORT of an attempt that has taken too long.
func (m *Machine) consultIfDue() {
	d := &m.directory
	if d.asked || d.at.IsZero() || m.now.Before(d.at) {
		return
	}
	switch {
	case m.state == promised:
		m.consult(ConsultAbort{Cert: m.cert})
	case !m.bound():
		m.consult(ConsultHolder{})
	default:
		d.at = time.Time{}
	}
}

// holderFound: a daemon that the directory has elsewhere, or not at all, could be promised and never be decided about.
func (m *Machine) holderFound(in HolderFound) {
	m.directory.asked = false
	switch {
	case m.bound():
	case errors.Is(in.Err, wire.ErrDaemonNotFound), in.Err != nil && m.passed(m.directory.since, directoryGrace):
		m.fail(wire.ReasonOf(in.Err), "the directory cannot decide about the daemon: "+in.Err.Error())
	case in.Err != nil:
		m.consultLater()
	case in.Epoch != m.req.Epoch || in.Holder != m.cfg.Node:
		m.fail(wire.ReasonStaleEpoch, fmt.Sprintf("the directory has the daemon at %v with epoch %d", in.Holder, in.Epoch))
	default:
		m.directory.listed, m.directory.wait = true, 0
		m.tryCutover()
	}
}

// promiseMade: the promise is durable. An error means that nothing was written.
func (m *Machine) promiseMade(in PromiseMade) {
	if m.state != promising {
		return
	}
	if in.Err != nil {
		m.fail(wire.ReasonOf(in.Err), "the promise was refused: "+in.Err.Error())
		return
	}
	m.cert, m.boundAt = in.Cert, m.now
	m.directory.at = m.freezeEnds
	m.enter(promised)
	m.resetRetry()
	m.sendPromised()
}

func (m *Machine) sendPromised() {
	m.send(m.req.Target, &wire.Promised{Ref: m.ref, Cert: m.cert})
	m.backoff()
}

// hurry asks for the ABORT at once: the target has let on that it will not take the daemon.
func (m *Machine) hurry() {
	if m.state == promised && !m.directory.asked && !m.directory.at.IsZero() {
		m.directory.at = m.now
	}
}

// decided takes the directory's word. After a COMMIT the entry comes from the target, which has signed the other half.
func (m *Machine) decided(in Decided) {
	m.directory.asked = false
	switch {
	case m.state != promised || in.Attempt != m.attempt.Attempt:
	case in.Err != nil || in.Decision == wire.DecisionNone:
		m.consultLater()
	case in.Decision == wire.DecisionAbort:
		m.takeBack()
	default:
		m.resetRetry()
		m.sendPromised()
	}
}

// takeBack ends the attempt that the directory has aborted.
func (m *Machine) takeBack() {
	m.call(CallRelease{Attempt: m.attempt.Attempt})
	m.doubt = false
	if m.restarted {
		m.fail(wire.ReasonCancelled, "the process restarted between the promise and the directory's decision")
		return
	}
	m.freezeTimedOut()
}

// entry takes the handover that the target has made of the certificate, which proves the COMMIT.
func (m *Machine) entry(ev crypto.CausalEvent) {
	switch m.state {
	case promised:
		if _, err := crypto.ParseDecided(ev, m.cert); err != nil {
			return
		}
		m.doubt = false
		m.enter(committing)
		m.call(CallFollow{Cert: m.cert, Entry: ev, CallHandOver: m.delivery()})
	case committed:
		m.gone(ev)
	}
}

// gone: a handover of the next epoch, signed by the key that was made for this migration, proves that the daemon was
// activated and has moved on, whoever keeps the proof.
func (m *Machine) gone(ev crypto.CausalEvent) {
	h, err := crypto.ParseHandover(ev, m.nextKey)
	if err == nil && h.Epoch == m.req.Epoch+2 && h.Head.Origin == m.req.Origin {
		m.succeeded()
	}
}

// RecoverPromised takes a migration up again whose process died between the promise and the directory's decision: the
// target is reminded, and after the freeze budget the directory is asked for the ABORT. The daemon is frozen.
func RecoverPromised(now time.Time, cfg Config, req Request, cert crypto.FreezeCert) (*Machine, Output) {
	m := recovered(now, cfg, req)
	m.state, m.restarted = promised, true
	m.nextKey, m.frozenHead, m.cert = cert.Next, cert.Head, cert
	m.attempt = attempt{Attempt: wire.Attempt(cert.Attempt), live: true, final: cert.Head, held: true}
	m.directory.at = now.Add(m.cfg.FreezeBudget)
	m.sendPromised()
	m.status()
	return m, m.take()
}
