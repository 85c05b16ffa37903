package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// daemonOf describes a daemon for people.
func (s *Server) daemonOf(b *book, v node.DaemonView) client.Daemon {
	d := client.Daemon{
		ID: v.Entity.String(), Origin: originText(v.Origin), Name: v.Name, Kind: v.Kind, State: client.StateServing,
		Epoch: v.Epoch, Holder: b.node(v.Holder), Handovers: int(max(v.Epoch, 1) - 1),
		PublicKey: crypto.AuthorizedLine(crypto.NodeID(v.Entity), nil, v.Name),
	}
	if v.Left {
		d.State, d.Expires = client.StateLeft, &v.Expires
		return d
	}
	d.Durability = v.Durability.String()
	if v.Dormant {
		d.State, d.Problem = client.StateRecovering, s.dormantProblem(v)
		if v.Damage != nil {
			d.State = client.StateDamaged
		}
		return d
	}
	s.describe(&d, v)
	return d
}

// describe adds what is known of a daemon that is here.
func (s *Server) describe(d *client.Daemon, v node.DaemonView) {
	if v.Moving {
		d.State, d.Migration = client.StateMoving, v.Migration.String()
	}
	if s.unserved(v.Origin) != "" {
		d.State = client.StateFrozen
	}
	if h, ok := s.cfg.Peer.Host(v.Origin); ok {
		head := h.Head()
		d.Sequence, d.Head = head.Sequence, head.Digest.String()
	}
}

// unserved says how it is with a daemon on its way that nobody serves; empty for one that serves here. One without
// a host was handed over in an earlier life of the process, and nobody has confirmed it yet.
func (s *Server) unserved(origin uint64) string {
	h, ok := s.cfg.Peer.Host(origin)
	gone := !ok
	if ok {
		_, gone = h.HandedOver()
	}
	switch {
	case gone:
		return "frozen: handed over and not yet confirmed; nobody serves it until the handover reaches its target"
	case h.Frozen():
		return "frozen for the cutover: nobody serves it until that is decided"
	}
	return ""
}

// standing completes a problem with a daemon that is here: as one that serves, unless nobody serves it while it moves.
func (s *Server) standing(p *client.Problem, v node.DaemonView, serving, next string) *client.Problem {
	if frozen := s.unserved(v.Origin); v.Moving && frozen != "" {
		serving, next = frozen, "peer migration watch "+v.Migration.Short()
	}
	return p.Now("%s", serving).Then("%s", next)
}

// dormantProblem says why a daemon that the journal has is not here, and what to do.
func (s *Server) dormantProblem(v node.DaemonView) *client.Problem {
	name := label(v)
	switch {
	case v.Damage != nil:
		return client.Problemf(client.CodeProof, "damaged", "%s cannot be brought back from the journal: %s", name, client.Plain(v.Damage.Error())).
			Now("not served; its records are left as they are").Then("peer journal verify, after this node has been stopped")
	case !slices.Contains(s.cfg.Peer.Kinds(), v.Kind):
		return client.Problemf(client.CodeRefused, "unknown_kind", "%s is of the kind %q, which this program does not know; it knows %s", name, v.Kind, join(s.cfg.Peer.Kinds())).
			Now("not served; it is in the journal, and nothing of it is lost").Then("start the node again with a version that knows the kind")
	}
	return client.Problemf(client.CodeUnreachable, "recovering", "%s is being brought back from the journal", name).
		Now("not served yet; nothing of it is lost").Then("the same command in a moment")
}

// originText is an origin as it is written everywhere: sixteen hex digits, zeros included.
func originText(origin uint64) string { return fmt.Sprintf("%016x", origin) }

// daemons answers with everything in one piece: the registry is bounded, and a page of it would be stale
// before the next was asked for.
func (s *Server) daemons(w http.ResponseWriter, r *http.Request) error {
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	views, err := s.cfg.Peer.Daemons(r.Context())
	if err != nil {
		return err
	}
	list := make([]client.Daemon, 0, len(views))
	for _, v := range views {
		list = append(list, s.daemonOf(b, v))
	}
	return writeJSON(w, http.StatusOK, list)
}

// label is the name, or the start of the id of a daemon without one.
func label(v node.DaemonView) string {
	if v.Name != "" {
		return v.Name
	}
	return v.Entity.Short()
}

// here returns a daemon that serves at this node and is to be looked at.
func (s *Server) here(ctx context.Context, arg string) (node.DaemonView, error) {
	v, err := s.findDaemon(ctx, arg)
	if err == nil {
		err = s.serves(ctx, v)
	}
	return v, err
}

// serves: one that left is a problem that says where it went, and one that is not back from the journal is a problem too.
func (s *Server) serves(ctx context.Context, v node.DaemonView) error {
	if v.Dormant {
		return s.dormantProblem(v)
	}
	if !v.Left {
		return nil
	}
	b, err := s.book(ctx)
	if err != nil {
		return err
	}
	return client.Problemf(client.CodeUnknown, "moved", "%s left this node for %s", label(v), b.node(v.Holder).Label()).
		Now("serving at %s since epoch %d, as far as this node knows", b.node(v.Holder).Label(), v.Epoch).
		Then("the same command at %s", b.node(v.Holder).Label())
}

// daemon also answers for one that left, with where it went: that is what people look it up for.
func (s *Server) daemon(w http.ResponseWriter, r *http.Request) error {
	v, err := s.findDaemon(r.Context(), r.PathValue("daemon"))
	if err != nil {
		return err
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.daemonOf(b, v))
}

// spawn answers when the daemon serves, so that the next command finds it.
func (s *Server) spawn(w http.ResponseWriter, r *http.Request) error {
	var req client.SpawnRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	if err := checkName(req.Name); err != nil {
		return err
	}
	opt := peer.SpawnOptions{Name: req.Name}
	if req.Durability != "" {
		level, err := wire.ParseDurability(req.Durability)
		if err != nil {
			return client.Problemf(client.CodeUsage, "bad_durability", "%s", client.Plain(err.Error())).Now("nothing was started").Then("peer daemon spawn --help")
		}
		opt.Durability = &level
	}
	born, err := s.gate.birth(s.cfg.Peer.Name())
	if err != nil {
		return err
	}
	defer born()
	d, err := s.cfg.Peer.Spawn(r.Context(), req.Kind, opt)
	if err != nil {
		return s.spawnProblem(err, req)
	}
	v, err := s.cfg.Peer.Daemon(r.Context(), d.Origin)
	if err != nil {
		return err
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/daemons/"+d.Entity.String())
	return writeJSON(w, http.StatusCreated, s.daemonOf(b, v))
}

// spawnProblem says what could be started instead. The node reports a name that is taken as a refusal, and
// with a data directory there is nothing else that it refuses at a birth.
func (s *Server) spawnProblem(err error, req client.SpawnRequest) error {
	p := problemOf(err).Now("nothing was started")
	switch {
	case errors.Is(err, wire.ErrFactoryNotFound):
		return client.Problemf(client.CodeRefused, "unknown_kind", "this node knows no kind of daemon named %q; it knows %s", req.Kind, join(s.cfg.Peer.Kinds())).
			Now("nothing was started").Then("peer daemon spawn --help")
	case errors.Is(err, wire.ErrRefused):
		return client.Problemf(client.CodeRefused, "name_taken", "a daemon named %q serves here already", req.Name).
			Now("nothing was started").Then("peer daemon show %s", client.Quote(req.Name))
	}
	return p
}

// stop describes the daemon as it was last. Who it was is taken before the end: afterwards only its host knows how far it came.
func (s *Server) stop(w http.ResponseWriter, r *http.Request) error {
	v, err := s.findInFull(r.Context(), r.PathValue("daemon"))
	if err == nil {
		err = s.serves(r.Context(), v)
	}
	if err != nil {
		return err
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	last := s.daemonOf(b, v)
	host, has := s.cfg.Peer.Host(v.Origin)
	if err := s.cfg.Peer.Stop(r.Context(), v.Origin); err != nil {
		return s.stopProblem(err, v)
	}
	if has { // which may have gone on until now
		last.Sequence, last.Head = host.Head().Sequence, host.Head().Digest.String()
	}
	last.State = "stopped"
	return writeJSON(w, http.StatusOK, last)
}

// stopProblem: a moving daemon is the one thing that cannot be stopped, since its fate may be decided
// elsewhere already.
func (s *Server) stopProblem(err error, v node.DaemonView) error {
	if errors.Is(err, wire.ErrAlreadyMigrating) {
		p := client.Problemf(client.CodeRefused, "already_migrating", "%s is moving and cannot be stopped now", label(v))
		return s.standing(p, v, "serving, on its way (migration "+v.Migration.Short()+")", "peer migration cancel "+v.Migration.Short())
	}
	return problemOf(err).Now("not stopped").Then("peer daemon show %s", client.Quote(label(v)))
}

// inspect passes query and answer through as bytes; what they mean is between the caller and the daemon.
func (s *Server) inspect(w http.ResponseWriter, r *http.Request) error {
	v, err := s.here(r.Context(), r.PathValue("daemon"))
	if err != nil {
		return err
	}
	query, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return err
	}
	answer, err := s.cfg.Peer.Inspect(r.Context(), v.Origin, query)
	if err != nil {
		return s.inspectProblem(err, v)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(answer)
	return nil
}

// inspectProblem: a daemon that has answered serves. One that has not may have left, ended or been frozen meanwhile.
func (s *Server) inspectProblem(err error, v node.DaemonView) error {
	p := problemOf(err)
	if p.Code != client.CodeError {
		return s.standing(p, v, "nothing was changed", p.Next)
	}
	p.Code, p.Kind = client.CodeRefused, "bad_query" // the daemon's own words
	return p.Now("serving; nothing was changed")
}

// daemonPassport takes full ids of daemons that are not listed any more: a passport outlives the tombstone.
func (s *Server) daemonPassport(w http.ResponseWriter, r *http.Request) error {
	origin, name, err := s.findOrigin(r.Context(), r.PathValue("daemon"))
	if err != nil {
		return err
	}
	return s.passport(w, origin, name)
}

// passport answers with the passport of a daemon that is or was here.
func (s *Server) passport(w http.ResponseWriter, origin uint64, name string) error {
	p, err := s.cfg.Peer.Passport(origin)
	if errors.Is(err, wire.ErrDaemonNotFound) {
		return client.Problemf(client.CodeUnknown, "no_passport", "%s has not been at this node since it was started, so its passport is not here", name).
			Then("peer migration proof --daemon %s -o FILE, at the node that has it", client.Quote(name))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(p.EncodedLen()))
	_, _ = p.WriteTo(w)
	return nil
}
