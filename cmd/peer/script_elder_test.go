package main

import (
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// older is a node of a version that had fewer kinds.
type older struct {
	*peer.Peer
	knows []string
}

// RegisterKind implements kinds.Registry.
func (o older) RegisterKind(kind string, newDaemon func() daemon.Daemon) error {
	if !slices.Contains(o.knows, kind) {
		return nil
	}
	return o.Peer.RegisterKind(kind, newDaemon)
}

func elder(ts *testscript.TestScript, _ bool, args []string) {
	name, dir := args[0], ts.MkAbs(args[0])
	key, _, err := loadKey(filepath.Join(dir, keyFile))
	ts.Check(err)
	authorized, err := peer.OpenAuthorized(filepath.Join(dir, authorizedFile))
	ts.Check(err)
	p, err := peer.New(peer.Config{
		Key: key, Name: name, Listen: "127.0.0.1:0", DataDir: dir, Durability: wire.DurabilityEveryEvent, Authorize: authorized.Lookup,
	})
	ts.Check(err)
	ts.Defer(func() { _ = p.Close() })
	ts.Check(kinds.Register(older{p, args[1:]}))
	ts.Setenv(name+"_addr", p.Addrs()[0])
}
