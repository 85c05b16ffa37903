package main

import (
	"errors"
	"path/filepath"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/directory/bolt"
	"github.com/ferrymesh/ferry/peer"
)

// directoryFile is where a node keeps the directory of its mesh.
const directoryFile = "directory.db"

// What --directory can say besides the name of a node.
const (
	directoryNone = "none"
	directoryHere = "here"
)

const directoryHelp = `--directory says who decides that a daemon has moved, which must be the same for all nodes of a mesh, from the beginning:
  none   the node that gives it away. The default: the shortest blackout, and nothing else that could be away
  here   this node, in DIR/` + directoryFile + `, for itself and for the nodes that may move daemons to or from here
  NAME   the node that --peer calls so, which has "here". If the source of a move dies at the one bad moment, the move ends without it`

// chooseDirectory finds out which directory is meant, before anything is opened.
func (s *server) chooseDirectory(f serveFlags) error {
	switch f.directory {
	case directoryNone, directoryHere:
		return nil
	}
	for _, k := range s.known {
		if k.name == f.directory {
			s.keeper = k.id
			return nil
		}
	}
	return usage("--directory %q is neither %q nor %q, and no --peer is called so", f.directory, directoryNone, directoryHere).
		Now("not started").Then("the same command with --peer NAME=KEY@ADDRESS, of the node that --directory names")
}

// openDirectory opens the directory that is kept here, if that was said.
func (s *server) openDirectory(f serveFlags, cfg *peer.Config) error {
	cfg.Keeper = s.keeper
	if f.directory != directoryHere {
		return nil
	}
	path := filepath.Join(s.dir, directoryFile)
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return directoryProblem(err, path, s.dir)
	}
	s.later(func() { _ = db.Close() }) // every change was synced before it was told
	cfg.Directory = db
	return nil
}

func directoryProblem(err error, path, dir string) error {
	switch {
	case errors.Is(err, bolt.ErrLocked):
		return client.Problemf(client.CodeUsage, "node_running", "another process has the directory's file %s open", path).
			Now("not started").Then("peer status --data %s", client.Quote(dir))
	case errors.Is(err, directory.ErrDamaged):
		return client.Problemf(client.CodeProof, "damaged", "the directory is damaged: %s", client.Plain(err.Error())).
			Now("not started; nothing on the disk was changed. A backup of it has forgotten decisions: see docs/operations.md, 3, before one is used").
			Then("cp %s %s", client.Quote(path), client.Quote(path+".damaged"))
	}
	return client.Problemf(client.CodeError, "not_started", "the directory cannot be opened: %s", client.Plain(err.Error())).
		Now("not started").Then("ls -l %s", client.Quote(path))
}

// directoryOf says for the ready line who decides; empty for nobody but the source.
func (s *server) directoryOf(f serveFlags) string {
	if f.directory == directoryNone {
		return ""
	}
	return f.directory
}
