package peer

import (
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/source"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// run owns the core until the node closes. It never blocks on anything but its inbox: effects that could
// wait have goroutines of their own.
func (p *Peer) run(core *node.Core, found []node.Input) {
	defer close(p.done)
	for _, in := range found {
		p.obey(core.Step(now(), in))
	}
	alarm := alarm{timer: time.NewTimer(time.Hour)}
	defer alarm.timer.Stop()
	expiry := time.NewTicker(expiryEvery)
	defer expiry.Stop()
	for {
		var in node.Input
		select {
		case <-p.ctx.Done():
			return
		case it := <-p.items:
			in = p.input(core, it)
		case <-p.submissions.again():
			in = p.submissions.next(p)
		case <-alarm.timer.C:
			alarm.at = time.Time{}
			in = node.Tick{}
		case t := <-expiry.C:
			p.handler.Tick(t)
		}
		if in != nil {
			at := now()
			effects := core.Step(at, in)
			p.obey(effects)
			alarm.set(at, effects.Wake)
		}
	}
}

// input makes what the loop has received an input of the core, nil if there is nothing to step for.
func (p *Peer) input(core *node.Core, it item) node.Input {
	switch {
	case it.look != nil:
		it.look(core)
		return nil
	case it.from != nil:
		p.submissions.add(it.from)
		return p.submissions.next(p)
	}
	return it.in
}

// alarm is the timer of the loop. It is set only when the time has changed, which is seldom.
type alarm struct {
	timer *time.Timer
	at    time.Time // zero when it has rung
}

func (a *alarm) set(now, wake time.Time) {
	if !wake.IsZero() && !wake.Equal(a.at) {
		a.at = wake
		a.timer.Reset(max(0, wake.Sub(now)))
	}
}

// expiryEvery is how often completed records are looked over; they live for minutes.
const expiryEvery = 10 * time.Second

// obey carries out effects in the order of their fields.
func (p *Peer) obey(e node.Effects) {
	for _, call := range e.Calls {
		p.dispatch(call)
	}
	for _, q := range e.Consults {
		p.consult(q)
	}
	for _, r := range e.DirectoryRequests {
		p.serveDirectory(r)
	}
	for _, r := range e.KeeperReplies {
		p.keeper.answer(r)
	}
	for _, id := range e.StopCopies {
		p.copies.stop(id)
	}
	for _, c := range e.Copies {
		p.startCopy(c)
	}
	for _, stream := range e.RefuseStreams {
		p.copies.refuse(stream)
	}
	for _, d := range e.Dials {
		p.dial(d)
	}
	p.sends(e)
	for _, r := range e.Replies {
		if !p.submissions.answer(r) {
			p.waiters.answer(r)
		}
	}
	for _, c := range e.Changes {
		p.watchers.changed(c.Migration)
		p.logChange(c.Migration)
	}
	for _, n := range e.Notes {
		p.logNote(n)
	}
}

func (p *Peer) sends(e node.Effects) {
	for _, s := range e.Sends {
		// An error means that the session is gone or was too slow to read; either way its end is reported
		// as such, and whoever sent this sends it again on the next one.
		_ = p.net.Send(transport.SessionID(s.Session), s.Channel, s.Migration, s.Frame)
	}
	for _, end := range e.EndEvents {
		p.net.CloseEvents(transport.SessionID(end.Session), end.Migration)
	}
}

// dispatch puts a call on its daemon's queue, or starts it beside the queue.
func (p *Peer) dispatch(call node.Call) {
	switch op := call.Op.(type) {
	case target.CallRestore:
		p.startRestore(call, op)
		return
	case target.CallCutOff:
		p.wg.Go(func() { p.post(node.Done{Call: call, Result: p.copies.cutFeed(call.Migration)}) })
		return
	case node.CloseView:
		p.wg.Go(func() { p.executor.Run(call) })
		return
	case target.CallFeed:
		p.copies.goOn(call.Migration, op.Stream)
		return
	case target.CallAbort:
		p.copies.cancelRestore(call.Migration)
	case node.Apply:
		p.copies.submitted(call.Origin, op)
	case source.CallFollow:
		p.log.Info().Str("origin", originText(call.Origin)).Str("to", op.To.String()).Msg("the directory has committed the handover")
		p.noteDeparture(call.Origin)
	case source.CallHandOver:
		p.log.Info().Str("origin", originText(call.Origin)).Str("to", op.To.String()).Msg("committing the handover")
		p.noteDeparture(call.Origin)
	}
	p.queues.push(p, call)
}

// noteDeparture keeps the host of a daemon that leaves, whose passport can still be asked for.
func (p *Peer) noteDeparture(origin uint64) {
	if host, ok := p.registry.Host(origin); ok {
		p.departed.note(host)
	}
}

// dial opens a session on a goroutine of its own; SessionUp comes from the network itself.
func (p *Peer) dial(d node.Dial) {
	p.wg.Go(func() {
		if len(d.Addrs) == 0 {
			p.post(node.DialFailed{Peer: d.Peer, Err: &noAddressError{d.Peer}})
			return
		}
		if _, err := p.net.Dial(p.ctx, d.Peer, d.Addrs); err != nil {
			p.post(node.DialFailed{Peer: d.Peer, Err: err})
		}
	})
}

// noAddressError says that a peer is known by its key only. It matches wire.ErrUnreachable.
type noAddressError struct{ peer crypto.NodeID }

func (e *noAddressError) Error() string {
	return "no address is known for " + e.peer.String() + " and it has not called here"
}

func (e *noAddressError) Is(target error) bool { return target == wire.ErrUnreachable }
