package admin

import (
	"context"
	"mime"
	"net/http"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// events takes one event, or a stream of them.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-ndjson" {
		return s.stream(w, r)
	}
	var in client.Submission
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	to, err := s.producer(r.Context(), r.PathValue("daemon"), in.Label, in.Via)
	if err != nil {
		return err
	}
	receipt, err := to.SubmitAs(r.Context(), in.Seq, in.Payload)
	if err != nil {
		return to.problem(err)
	}
	return writeJSON(w, http.StatusOK, receiptOf(receipt))
}

// addressee is a producer of this node, and what to call the daemon it submits to.
type addressee struct {
	*peer.Producer
	s    *Server
	name string
}

// producer finds the daemon and returns the producer of this node with the label. Two requests with the same
// label are the same producer and share its numbers.
func (s *Server) producer(ctx context.Context, daemon, label, via string) (*addressee, error) {
	if err := wire.CheckLabel(label); err != nil {
		return nil, client.Problemf(client.CodeUsage, "bad_label", "%s", client.Plain(err.Error())).Now("nothing was submitted").Then("peer send --help")
	}
	origin, name, err := s.originInFull(ctx, daemon)
	if err == nil {
		err = s.cannotServe(ctx, origin)
	}
	if err != nil {
		return nil, err
	}
	opt := peer.ProducerOptions{Label: label}
	if via != "" {
		b, err := s.book(ctx)
		if err != nil {
			return nil, err
		}
		if opt.Via, err = b.find(via); err != nil {
			return nil, err
		}
	}
	return &addressee{s.cfg.Peer.Producer(origin, opt), s, name}, nil
}

// cannotServe is the problem of a daemon that this node has and cannot bring back, however long is waited for it.
func (s *Server) cannotServe(ctx context.Context, origin uint64) error {
	v, err := s.cfg.Peer.Daemon(ctx, origin)
	if err != nil || !v.Dormant {
		return nil // it may be elsewhere
	}
	if p := s.dormantProblem(v); p.Kind != "recovering" {
		return p
	}
	return nil
}

// problem says what became of an event that was not acknowledged.
func (a *addressee) problem(err error) *client.Problem {
	p := problemOf(err)
	reason := wire.ReasonOf(err)
	switch {
	case p.Kind == "interrupted" || p.Kind == "deadline" || p.Kind == "closing":
		return p.Now("unknown: the event may have been applied").Then("the same command with the same --id and --seq: it is applied once in any case")
	case reason == wire.ReasonInternal:
		// The daemon's own error has no code on the wire, only words.
		p.Code, p.Kind = client.CodeRefused, "rejected"
		return p.Now("%s is serving; the event was not applied", a.name)
	case reason == wire.ReasonDaemonNotFound:
		p.Detail = "no node that answers here has the daemon " + a.name
		return p.Now("unknown here; the event was not applied").Then("peer send %s --via NODE", client.Quote(a.name))
	case reason == wire.ReasonRefused:
		return p.Now("the event was not applied").
			Then("peer key authorize %s --rights submit, at the node that has the daemon %s", client.Quote(crypto.AuthorizedLine(a.s.cfg.Peer.ID(), nil, a.s.cfg.Peer.Name())), otherRights)
	case reason == wire.ReasonProducerWindow || reason == wire.ReasonProducerEvicted:
		// Whoever reads "not applied" sends it again under another name, and then it may be applied twice.
		return p.Now("not applied now; an event with this number may have been applied before, and the daemon no longer knows").
			Then("peer daemon show %s --query audit, before it is sent under another --id or --seq", client.Quote(a.name))
	}
	return p.Now("the event was not applied")
}

// receiptOf copies nothing: the outputs alias a frame that nobody writes to any more.
func receiptOf(r node.Receipt) client.Receipt {
	return client.Receipt{
		ProducerSeq: r.ProducerSeq, Sequence: r.Sequence, Epoch: r.Epoch,
		Duplicate: r.Duplicate, Outputs: r.Outputs, Holder: r.Holder.Hex(),
	}
}
