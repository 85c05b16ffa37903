package admin

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// status also says what only a person can repair, so that nobody has to find it in a log.
func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	p := s.cfg.Peer
	st := client.Status{
		Node: nodeOf(p.ID(), p.Name()), Version: s.cfg.Version, Durability: s.cfg.Durability.String(), Started: p.Started().UTC(), Boot: p.Boot(),
		Addrs: p.Addrs(), Kinds: p.Kinds(), Pending: len(p.Pending()),
	}
	st.Journal.LogBytes, st.Journal.SnapshotBytes = p.Usage()
	if err := p.DiskError(); err != nil {
		st.Journal.DiskError = client.Plain(err.Error())
	}
	if err := s.unreadable(); err != nil {
		st.Warning = "nobody new is let in: " + client.Plain(err.Error())
	}
	if err := s.count(r.Context(), &st); err != nil {
		return err
	}
	var err error
	if st.Drain, err = s.drainStatus(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, st)
}

// one is 1 for what is true.
func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// count fills in what changes all the time.
func (s *Server) count(ctx context.Context, st *client.Status) error {
	daemons, err := s.cfg.Peer.Daemons(ctx)
	if err != nil {
		return err
	}
	for _, d := range daemons {
		st.Daemons += one(!d.Left)
		st.Moving += one(d.Moving)
		st.InMemory += one(!d.Left && d.Durability == wire.DurabilityMemory)
		st.Recovering += one(d.Dormant && d.Damage == nil)
		st.Damaged += one(d.Damage != nil)
	}
	migrations, err := s.cfg.Peer.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range migrations {
		st.InDoubt += one(m.Outcome == wire.OutcomeInDoubt)
	}
	peers, err := s.cfg.Peer.Peers(ctx)
	if err != nil {
		return err
	}
	for _, p := range peers {
		st.Peers += one(p.Sessions > 0)
	}
	n, err := s.cfg.Peer.Counters(ctx)
	st.Refused, st.Malformed = n.FramesRefused, n.FramesMalformed
	return err
}

// nodes lists all, connected or not: a node that is named and cannot be reached is the interesting one.
func (s *Server) nodes(w http.ResponseWriter, r *http.Request) error {
	list, err := s.peerList(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list)
}

// peerList is every node that is connected, was dialed, or is named by the operator.
func (s *Server) peerList(ctx context.Context) ([]client.Peer, error) {
	b, err := s.book(ctx)
	if err != nil {
		return nil, err
	}
	live := make(map[crypto.NodeID]node.Peer)
	for _, p := range b.peers {
		live[p.ID] = p
	}
	list := make([]client.Peer, 0, len(b.nodes))
	for id, n := range b.nodes {
		if id == b.self {
			continue
		}
		list = append(list, s.peerOf(id, n, live[id]))
	}
	slices.SortFunc(list, func(x, y client.Peer) int { return strings.Compare(x.Label()+x.ID, y.Label()+y.ID) })
	return list, nil
}

// peerOf describes one other node. What it may do is what the file says now, which is what counts for its
// next session.
func (s *Server) peerOf(id crypto.NodeID, n client.Node, live node.Peer) client.Peer {
	p := client.Peer{Node: n, State: "known", Addrs: live.Addrs, Remote: live.Remote}
	if live.Sessions > 0 {
		p.State = "connected"
	}
	if live.LastErr != nil && live.Sessions == 0 {
		p.LastError = detailOf(live.LastErr)
	}
	if s.cfg.Peers != nil {
		rights, _ := s.cfg.Peers.Lookup(id)
		p.Rights = rights.String()
	}
	return p
}

// pending lists callers with the key to let them in by. Only the operator can compare it with the real one.
func (s *Server) pending(w http.ResponseWriter, r *http.Request) error {
	b, err := s.book(r.Context())
	if err != nil {
		return err
	}
	list := []client.Pending{}
	for _, p := range s.cfg.Peer.Pending() {
		list = append(list, client.Pending{
			Node: b.node(p.Node), Key: crypto.AuthorizedLine(p.Node, nil, ""), Remote: p.Remote,
			First: p.First.UTC(), Last: p.Last.UTC(), Attempts: uint64(p.Attempts),
		})
	}
	return writeJSON(w, http.StatusOK, list)
}

// learn does not dial: an address is tried when there is something to say.
func (s *Server) learn(w http.ResponseWriter, r *http.Request) error {
	var req client.LearnRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := parseKey(req.Key)
	if err != nil {
		return client.Problemf(client.CodeUsage, "bad_key", "the key is not one of a node: %v", err).Then("peer key show")
	}
	if len(req.Addrs) == 0 {
		return client.Problemf(client.CodeUsage, "bad_request", "an address is needed to learn where %s is", id)
	}
	if err := wire.CheckAddrs(req.Addrs); err != nil {
		return client.Problemf(client.CodeUsage, "bad_address", "%s", client.Plain(err.Error())).Now("nothing was changed")
	}
	s.cfg.Peer.Learn(id, req.Addrs...)
	s.names.learn(map[crypto.NodeID]string{id: req.Name})
	return writeJSON(w, http.StatusOK, client.Peer{Node: nodeOf(id, req.Name), State: "known", Addrs: req.Addrs})
}

// authorize edits the same file as the command does, and makes the change count for those connected.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	var req client.AuthorizeRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	if s.cfg.Authorized == "" {
		return client.Problemf(client.CodeRefused, "no_file", "this node has no file of authorized peers")
	}
	id, err := parseKey(req.Key)
	if err != nil {
		return client.Problemf(client.CodeUsage, "bad_key", "the key is not one of a node: %v", err).Then("peer key show")
	}
	rights, err := wire.ParseRights(req.Rights)
	if err != nil {
		return client.Problemf(client.CodeUsage, "bad_rights", "%s", client.Plain(err.Error())).Then("peer key authorize --help")
	}
	changed, err := peer.Authorize(s.cfg.Authorized, peer.AuthorizedPeer{Node: id, Rights: rights, Name: req.Name})
	if errors.Is(err, peer.ErrPeerLine) {
		return client.Problemf(client.CodeUsage, "bad_name", "%s", client.Plain(err.Error())).Now("nothing was changed").Then("peer key authorize --help")
	}
	if err != nil {
		return client.Problemf(client.CodeUsage, "bad_file", "%s", client.Plain(err.Error())).Now("nothing was changed").Then("edit %s", client.Quote(s.cfg.Authorized))
	}
	if err := s.cfg.Peer.Reauthorize(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]bool{"changed": changed})
}

// unreadable is what is wrong with the file of authorized peers, nil if nothing is.
func (s *Server) unreadable() error {
	if s.cfg.Peers == nil {
		return nil
	}
	return s.cfg.Peers.Err()
}

// reload reads the file of authorized peers again. One that cannot be read lets nobody new in and takes
// nothing from those who are: a slip of the pen must not end a move that is under way. The answer names the file, since
// whoever has edited one may have edited another.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) error {
	if err := s.unreadable(); err != nil {
		return client.Problemf(client.CodeUsage, "bad_file", "%s", client.Plain(err.Error())).
			Now("nobody new is let in until that is repaired").Then("edit %s", client.Quote(s.cfg.Authorized))
	}
	if err := s.cfg.Peer.Reauthorize(r.Context()); err != nil {
		return err
	}
	file := s.cfg.Authorized
	if abs, err := filepath.Abs(file); file != "" && err == nil {
		file = abs
	}
	return writeJSON(w, http.StatusOK, client.Reloaded{Authorized: file})
}
