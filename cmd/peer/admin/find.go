package admin

import (
	"context"
	"errors"
	"strconv"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/node"
)

// findDaemon returns the daemon of this node that an argument means, for a request that only looks. One that serves
// here goes before one that left, if both have the name.
func (s *Server) findDaemon(ctx context.Context, arg string) (node.DaemonView, error) {
	choices, err := s.candidates(ctx, arg)
	if err != nil {
		return node.DaemonView{}, err
	}
	return choose("daemon", arg, choices)
}

// findInFull is findDaemon for a request that changes something.
func (s *Server) findInFull(ctx context.Context, arg string) (node.DaemonView, error) {
	choices, err := s.candidates(ctx, arg)
	if err != nil {
		return node.DaemonView{}, err
	}
	return chooseInFull("daemon", arg, choices)
}

// candidates are the daemons of this node that an argument may mean.
func (s *Server) candidates(ctx context.Context, arg string) ([]choice[node.DaemonView], error) {
	views, err := s.spelledOut(ctx, arg)
	if err == nil && len(views) == 0 {
		views, err = s.cfg.Peer.Daemons(ctx) // arg may be the start of something
	}
	choices := make([]choice[node.DaemonView], 0, len(views))
	for _, v := range views {
		choices = append(choices, choice[node.DaemonView]{
			value: v, name: v.Name, ids: []string{v.Entity.String(), originText(v.Origin)}, lesser: v.Left,
		})
	}
	return choices, err
}

// spelledOut lists what has the argument for its name, id or origin in full. Whoever moves thousands of daemons names each like
// that, and a list of all would be made for each of them.
func (s *Server) spelledOut(ctx context.Context, arg string) ([]node.DaemonView, error) {
	views, err := s.cfg.Peer.Named(ctx, arg)
	if origin, ok := originIn(arg); ok && err == nil {
		v, missing := s.cfg.Peer.Daemon(ctx, origin)
		if missing == nil && v.Name != arg {
			views = append(views, v)
		}
	}
	return views, err
}

// originIn reads an entity's id or an origin that is written in full.
func originIn(arg string) (uint64, bool) {
	if id, err := crypto.ParseEntityID(arg); err == nil {
		return crypto.OriginOf(id), true
	}
	if len(arg) != 16 {
		return 0, false
	}
	origin, err := strconv.ParseUint(arg, 16, 64)
	return origin, err == nil
}

// findOrigin is findDaemon for what can also be asked of a daemon elsewhere.
func (s *Server) findOrigin(ctx context.Context, arg string) (uint64, string, error) {
	v, err := s.findDaemon(ctx, arg)
	return originOf(arg, v, err)
}

// originInFull is findInFull for what can also be done to a daemon elsewhere.
func (s *Server) originInFull(ctx context.Context, arg string) (uint64, string, error) {
	v, err := s.findInFull(ctx, arg)
	return originOf(arg, v, err)
}

// originOf is the origin of a daemon that was looked for, and what to call it: a full id or origin need not be known here.
func originOf(arg string, v node.DaemonView, err error) (uint64, string, error) {
	if err == nil {
		return v.Origin, label(v), nil
	}
	if !errors.Is(err, &client.Problem{Kind: "unknown_daemon"}) {
		return 0, "", err
	}
	if id, bad := crypto.ParseEntityID(arg); bad == nil {
		return crypto.OriginOf(id), id.Short(), nil
	}
	if origin, ok := originIn(arg); ok {
		return origin, arg, nil
	}
	return 0, "", err
}
