package main

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ferrymesh/ferry/cmd/peer/admin"
	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// prepare makes sure that the node can run before it says a word to another one: the directory is its own,
// the key can be used, the files can be read, the admin socket is free.
func (s *server) prepare(a *app, f serveFlags) (err error) {
	if err := s.takeReadyFD(f.readyFD); err != nil {
		return err
	}
	for _, flag := range f.peers {
		k, err := parsePeer(flag)
		if err != nil {
			return err
		}
		s.known = append(s.known, k)
	}
	if err := s.chooseDirectory(f); err != nil {
		return err
	}
	if s.durability, err = parseLevel(f.durability); err != nil {
		return err.(*client.Problem).Now("not started").Then("peer serve --help")
	}
	if s.dir, err = a.dataDir(); err != nil {
		return err
	}
	if err := s.claim(); err != nil {
		return err
	}
	if err := s.loadKey(f); err != nil {
		return err
	}
	if err := s.openAuthorized(f); err != nil {
		return err
	}
	s.socketPath = cmp.Or(a.admin, filepath.Join(s.dir, socketFile))
	if s.socket, err = admin.Listen(s.socketPath); err != nil {
		return err
	}
	s.later(func() { _ = s.socket.Close() })
	return nil
}

// openAuthorized reads who is let in. Only the file in the data directory need not be there: a path that somebody has typed
// is one where they expect it, and without it nobody is let in.
func (s *server) openAuthorized(f serveFlags) (err error) {
	s.authorizedPath = cmp.Or(f.authorized, filepath.Join(s.dir, authorizedFile))
	if _, missing := os.Stat(f.authorized); f.authorized != "" && errors.Is(missing, fs.ErrNotExist) {
		return client.Problemf(client.CodeUsage, "bad_file", "there is no file of authorized peers at %s", f.authorized).
			Now("not started").Then("peer key authorize KEY --authorized %s, or the same command with another --authorized", client.Quote(f.authorized))
	}
	if s.authorized, err = peer.OpenAuthorized(s.authorizedPath); err != nil {
		return client.Problemf(client.CodeUsage, "bad_file", "the file of authorized peers cannot be used: %s", client.Plain(err.Error())).
			Now("not started").Then("edit %s", client.Quote(s.authorizedPath))
	}
	return nil
}

// claim makes the data directory this process' own, until start gives it to the journal.
func (s *server) claim() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return client.Problemf(client.CodeUsage, "no_data_directory", "the data directory cannot be made: %v", err).
			Now("not started").Then("the same command with another --data")
	}
	lock, err := journal.NewDisk(s.dir).Lock()
	if p := journalProblem(err, s.dir); p != nil {
		return p
	}
	if err != nil {
		return client.Problemf(client.CodeUsage, "no_data_directory", "the data directory cannot be locked: %v", err).
			Now("not started").Then("the same command with another --data")
	}
	s.unlock = sync.OnceFunc(func() { lock.Close() })
	s.later(s.unlock)
	return nil
}

// loadKey reads the node's key. Only the one in the data directory is made if there is none: a path that
// somebody has typed is one where they expect a key.
func (s *server) loadKey(f serveFlags) (err error) {
	if err := checkNodeName(f.name); err != nil {
		return err // before the name becomes the comment of a new key
	}
	path := cmp.Or(f.key, filepath.Join(s.dir, keyFile))
	if _, missing := os.Lstat(path); f.key == "" && errors.Is(missing, fs.ErrNotExist) {
		if err := s.makeKey(path, cmp.Or(f.name, hostName())); err != nil {
			return err
		}
	}
	key, comment, err := loadKey(path)
	if err != nil {
		return err
	}
	s.key = key
	s.later(key.Wipe)
	s.name = cmp.Or(f.name, comment, hostName())
	return checkNodeName(s.name)
}

// checkNodeName refuses a name that would keep every other node from reading this one's greeting.
func checkNodeName(name string) error {
	if err := wire.CheckName(name); err != nil {
		return usage("the node cannot have its name: %s", client.Plain(err.Error())).Now("not started").Then("the same command with another --name")
	}
	return nil
}

// makeKey makes the node's key. Where the public half is still there, the node has had one, and a new one would make it
// a stranger to all others, without a word.
func (s *server) makeKey(path, name string) error {
	if exists(path + ".pub") {
		return client.Problemf(client.CodeUsage, "key_missing", "%[1]s is missing, and its public half %[1]s.pub is there: with a new key this would be another node", path).
			Now("not started").Then("put %s back from a backup, or mv %s %s if the key is lost", path, client.Quote(path+".pub"), client.Quote(path+".pub.old"))
	}
	_, err := makeKey(path, name)
	s.made = err == nil
	return err
}

// hostName is what a node is called that has no name.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// knownPeer is another node that the operator has named.
type knownPeer struct {
	name string
	id   crypto.NodeID
	addr string
}

// parsePeer reads NAME=KEY@ADDRESS. The key's text may contain "=" in its base64 and "@" in its comment, so
// the name ends at the first "=" and the address begins after the last "@".
func parsePeer(text string) (k knownPeer, err error) {
	name, rest, named := strings.Cut(text, "=")
	at := strings.LastIndex(rest, "@")
	_, _, badAddr := net.SplitHostPort(rest[at+1:])
	if !named || name == "" || at < 0 || badAddr != nil {
		return k, usage("--peer %q is not NAME=KEY@ADDRESS", text).Now("not started").Then("the same command with --peer 'edge-b=edge-b.pub@edge-b.example:7777'")
	}
	id, _, err := publicKey(rest[:at])
	var p *client.Problem
	if errors.As(err, &p) {
		p.Now("not started")
	}
	return knownPeer{name, id, rest[at+1:]}, err
}
