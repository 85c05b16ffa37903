package peer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// Authorized is a file of the peers that a node lets in, in the shape of OpenSSH's authorized_keys:
//
//	submit,migrate-in ssh-ed25519 AAAA… edge-b
//
// The file is read again when it has changed, so that an edit counts for the next session. One that shows no change, neither by its
// length nor by its time, counts after the next call of Err. A file that has
// become unreadable or malformed lets nobody new in, and says why through Err.
type Authorized struct {
	path string

	mu     sync.Mutex
	read   fs.FileInfo // the file that was read last; nil if there was none
	peers  map[crypto.NodeID]AuthorizedPeer
	broken error
}

// AuthorizedPeer is one line of the file.
type AuthorizedPeer struct {
	Node   crypto.NodeID
	Rights wire.Rights
	Name   string
}

// OpenAuthorized reads the file. One that does not exist is empty.
func OpenAuthorized(path string) (*Authorized, error) {
	a := &Authorized{path: path}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reload()
	return a, a.broken
}

// Lookup is a Config.Authorize.
func (a *Authorized) Lookup(id crypto.NodeID) (wire.Rights, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reload()
	p, ok := a.peers[id]
	return p.Rights, ok && a.broken == nil
}

// Peers lists the file's lines in no particular order, and Err says why nobody is let in.
func (a *Authorized) Peers() []AuthorizedPeer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reload()
	list := make([]AuthorizedPeer, 0, len(a.peers))
	for _, p := range a.peers {
		list = append(list, p)
	}
	return list
}

// Err reads the file, also if it does not look changed, and says what is wrong with it, nil if nothing is.
func (a *Authorized) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read = nil
	a.reload()
	return a.broken
}

// reload reads the file if it is not the one read last. The caller holds the lock.
func (a *Authorized) reload() {
	info, err := os.Stat(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		a.peers, a.broken, a.read = nil, nil, nil
		return
	}
	if err != nil {
		a.broken = err
		return
	}
	if a.broken == nil && a.read != nil && unchanged(a.read, info) {
		return
	}
	a.read = info
	a.peers, a.broken = readAuthorized(a.path)
}

// unchanged reports whether a file looks as it did. One that has taken the place of another may have its length and its time.
func unchanged(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}

func readAuthorized(path string) (map[crypto.NodeID]AuthorizedPeer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	peers := make(map[crypto.NodeID]AuthorizedPeer)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		p, err := authorizedNode(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if p != nil {
			peers[p.Node] = *p
		}
	}
	return peers, lines.Err()
}

func parseAuthorized(line string) (AuthorizedPeer, error) {
	id, options, comment, err := crypto.ParseAuthorizedLine(line)
	if err != nil {
		return AuthorizedPeer{}, err
	}
	rights, err := wire.ParseRights(options...)
	return AuthorizedPeer{Node: id, Rights: rights, Name: comment}, err
}
