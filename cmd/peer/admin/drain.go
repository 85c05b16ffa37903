package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/wire"
)

// What a drain is given that says nothing else, and how many moves at once it can be asked for: as many as a target takes from
// one source.
const (
	defaultDrainDeadline = 10 * time.Minute
	defaultDrainParallel = 4
	maxDrainParallel     = 64
)

// drains is the drain of a server, if one is set.
type drains struct {
	mu sync.Mutex // held while one is set or ended
	d  *drainer   // nil without one; it stays when nothing is left to do
}

// current returns nil if no drain is set.
func (v *drains) current() *drainer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.d
}

// startDrain shuts the gate, looks at what is here and begins. Whatever is wrong is found out before that.
func (s *Server) startDrain(w http.ResponseWriter, r *http.Request) error {
	var req client.DrainRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	s.drain.mu.Lock()
	defer s.drain.mu.Unlock()
	o, err := s.drainOptions(r.Context(), req)
	if err != nil {
		return err
	}
	if d := s.drain.d; d != nil && d.running() {
		return s.alreadyDraining(d, o, req)
	}
	d, err := s.beginDrain(r.Context(), o)
	if err != nil {
		return err
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/drain")
	now, _ := d.describe(b, 0)
	return writeJSON(w, http.StatusAccepted, now)
}

// beginDrain leaves the gate as it was unless the drain has begun. The caller holds the lock.
func (s *Server) beginDrain(ctx context.Context, o drainOptions) (*drainer, error) {
	before := s.drain.d
	if before == nil {
		if err := s.shut(ctx, true); err != nil {
			return nil, err
		}
	}
	d := newDrainer(s, o, time.Now())
	err := d.look(ctx, time.Now())
	if err == nil {
		err = d.needsTarget()
	}
	if err != nil {
		if before == nil {
			err = errors.Join(err, s.shut(ctx, false))
		}
		return nil, err
	}
	if before != nil {
		before.close()
	}
	s.drain.d = d
	d.start()
	return d, nil
}

// shut closes or opens the gate, for those who are connected as well.
func (s *Server) shut(ctx context.Context, shut bool) error {
	s.gate.shut.Store(shut)
	return s.cfg.Peer.Reauthorize(ctx)
}

// alreadyDraining: whoever asks for the same can watch it.
func (s *Server) alreadyDraining(d *drainer, o drainOptions, req client.DrainRequest) error {
	name := s.cfg.Peer.Name()
	differs := len(req.To) > 0 && !sameNodes(o.to, d.nodes()) ||
		req.Deadline > 0 && o.deadline != d.opt.deadline || req.MaxParallel > 0 && o.parallel != d.opt.parallel
	if differs {
		return client.Problemf(client.CodeRefused, "draining_otherwise", "%s is being emptied already, with other options", name).
			Now("that drain goes on as it was begun").Then("peer drain to watch it, or peer drain --cancel to end it")
	}
	return client.Problemf(client.CodeRefused, "draining", "%s is being emptied already", name).
		Now("that drain goes on").Then("peer drain, to watch it")
}

// showDrain tells how far the drain is, in one answer.
func (s *Server) showDrain(w http.ResponseWriter, r *http.Request) error {
	d := s.drain.current()
	if d == nil {
		return s.noDrain()
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	now, _ := d.describe(b, 0)
	return writeJSON(w, http.StatusOK, now)
}

// noDrain is the problem of a node that is not being emptied.
func (s *Server) noDrain() error {
	return client.Problemf(client.CodeUnknown, "no_drain", "no drain is set at %s", s.cfg.Peer.Name()).
		Now("daemons are started and taken in here").Then("peer status")
}

// endDrain begins no further moves and opens the gate. It answers with how far the drain had come.
func (s *Server) endDrain(w http.ResponseWriter, r *http.Request) error {
	s.drain.mu.Lock()
	defer s.drain.mu.Unlock()
	d := s.drain.d
	if d == nil {
		return s.noDrain()
	}
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	d.close()
	s.drain.d = nil
	if err := s.shut(r.Context(), false); err != nil {
		return err
	}
	now, _ := d.describe(b, 0)
	return writeJSON(w, http.StatusOK, now)
}

// drainStatus is the drain without its daemons, nil if none is set.
func (s *Server) drainStatus(ctx context.Context) (*client.Drain, error) {
	d := s.drain.current()
	if d == nil {
		return nil, nil
	}
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	now, _ := d.describe(b, 0)
	now.Daemons = nil
	return &now, nil
}

// watchDrain streams the changes of the drain until no further move is begun.
func (s *Server) watchDrain(w http.ResponseWriter, r *http.Request) error {
	d := s.drain.current()
	if d == nil {
		return s.noDrain()
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, control := json.NewEncoder(w), http.NewResponseController(w)
	for seen := uint64(0); ; {
		changed := d.changed() // before the look, so that no change is missed
		b, err := s.book(r.Context())
		if err != nil {
			return nil
		}
		var now client.Drain
		now, seen = d.describe(b, seen)
		if out.Encode(now) != nil || control.Flush() != nil || now.State != client.DrainRunning {
			return nil
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return nil
		}
	}
}

// sameNodes compares without the order.
func sameNodes(a, b []drainTarget) bool {
	has := func(list []drainTarget, t drainTarget) bool {
		return slices.ContainsFunc(list, func(u drainTarget) bool { return u.id == t.id })
	}
	all := func(list, other []drainTarget) bool {
		return !slices.ContainsFunc(list, func(t drainTarget) bool { return !has(other, t) })
	}
	return all(a, b) && all(b, a)
}

// drainOptions is a request with everything in it.
type drainOptions struct {
	to       []drainTarget // empty: whoever may hold daemons
	deadline time.Duration
	parallel int
}

// drainOptions reads a request.
func (s *Server) drainOptions(ctx context.Context, req client.DrainRequest) (o drainOptions, err error) {
	bad := func(format string, args ...any) error {
		return client.Problemf(client.CodeUsage, "bad_request", format, args...).Now("nothing was changed").Then("peer drain --help")
	}
	if req.Deadline < 0 || req.MaxParallel < 0 || req.MaxParallel > maxDrainParallel {
		return o, bad("--deadline is positive, and --max-parallel from 1 to %d", maxDrainParallel)
	}
	o = drainOptions{deadline: defaultDrainDeadline, parallel: defaultDrainParallel}
	if req.Deadline > 0 {
		o.deadline = req.Deadline
	}
	if req.MaxParallel > 0 {
		o.parallel = req.MaxParallel
	}
	b, err := s.book(ctx)
	if err != nil {
		return o, err
	}
	for _, name := range req.To {
		id, err := b.find(name)
		if err != nil {
			return o, err
		}
		if id == b.self {
			return o, bad("%s is the node that is to be emptied, so nothing can be moved to it", b.node(id).Label())
		}
		o.to = append(o.to, drainTarget{id: id})
	}
	return o, nil
}

// drainTargets lists the peers that daemons are moved to if nobody says where: those that the operator has named to this node, and
// those that may bring daemons here or take some away, and so hold daemons themselves. A peer that may only submit is a client, and is
// given none. Without a session or an address nobody can be reached.
func (s *Server) drainTargets(ctx context.Context) ([]drainTarget, error) {
	peers, err := s.cfg.Peer.Peers(ctx)
	if err != nil {
		return nil, err
	}
	named := s.names.all()
	var list []drainTarget
	for _, p := range peers {
		_, trusted := named[p.ID]
		if s.cfg.Peers != nil && !trusted {
			rights, _ := s.cfg.Peers.Lookup(p.ID) // what the file says, and not what the gate leaves of it
			trusted = rights.Has(wire.RightMigrateIn) || rights.Has(wire.RightMigrateOut)
		}
		if trusted && p.ID != s.cfg.Peer.ID() && (p.Sessions > 0 || len(p.Addrs) > 0) {
			list = append(list, drainTarget{id: p.ID, far: p.Sessions == 0})
		}
	}
	return list, nil
}
