package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/wire"
)

const (
	// consultTimeout is how long the directory may take for an answer. The machines ask again, sooner or later.
	consultTimeout = 2 * time.Second
	// serveTimeout ends questions of peers that nobody can be waiting for any more, watches above all.
	serveTimeout = time.Minute
	// retryKeeper is how long a birth waits before it asks again for a session with the node that keeps the directory.
	retryKeeper = 50 * time.Millisecond
)

// keeper waits for the answers of a directory that another node keeps.
type keeper struct {
	mu      sync.Mutex
	waiting map[uint64]chan node.KeeperReply
}

// openDirectory finds out which directory the node has, if any.
func (p *Peer) openDirectory() {
	p.directory = p.cfg.Directory
	if p.directory == nil && !p.cfg.Keeper.IsZero() {
		p.directory = directory.NewClient(p.askKeeper)
	}
}

// Directory returns what this node asks who holds which daemon; false without one.
func (p *Peer) Directory() (directory.Directory, bool) { return p.directory, p.directory != nil }

// consult asks the directory for the core, on a goroutine of its own.
func (p *Peer) consult(q node.Consult) {
	p.wg.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, consultTimeout)
		defer cancel()
		p.post(q.Ask(ctx, p.directory))
	})
}

// askKeeper sends one question to the node that keeps the directory, and waits for the answer.
func (p *Peer) askKeeper(ctx context.Context, msg wire.Message) (wire.Message, error) {
	request, _ := directory.RequestOf(msg)
	answer := make(chan node.KeeperReply, 1)
	p.keeper.expect(request, answer)
	defer p.keeper.expect(request, nil)
	if !p.post(node.AskKeeper{Message: msg}) {
		return nil, ErrClosed
	}
	select {
	case r := <-answer:
		return r.Message, r.Err
	case <-ctx.Done():
		p.post(node.StopAsking{Request: request})
		return nil, fmt.Errorf("peer: %v, which keeps the directory, has not answered: %w", p.cfg.Keeper, ctx.Err())
	}
}

func (k *keeper) expect(request uint64, answer chan node.KeeperReply) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if answer == nil {
		delete(k.waiting, request)
		return
	}
	if k.waiting == nil {
		k.waiting = make(map[uint64]chan node.KeeperReply)
	}
	k.waiting[request] = answer
}

func (k *keeper) answer(r node.KeeperReply) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if answer := k.waiting[r.Request]; answer != nil {
		answer <- r
		delete(k.waiting, r.Request)
	}
}

// serveDirectory answers a peer's question, on a goroutine of its own.
func (p *Peer) serveDirectory(r node.DirectoryRequest) {
	p.wg.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, serveTimeout)
		defer cancel()
		d := p.cfg.Directory
		if d == nil {
			d = directory.None{}
		}
		p.post(node.DirectoryAnswer{Session: r.Session, Peer: r.Peer, Message: directory.Serve(ctx, d, r.Peer, r.Message)})
	})
}

// registerBirth tells the directory who holds a daemon before anybody else can have seen its genesis. Nothing is registered later:
// a directory that is new, or has lost its file, does not know which attempts of the daemon were aborted, and a target
// that still holds one of them could have it committed while the source serves.
func (p *Peer) registerBirth(ctx context.Context, g crypto.Genesis) error {
	if p.directory == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, consultTimeout)
	defer cancel()
	for {
		_, err := p.directory.Register(ctx, directory.Birth{Genesis: g, Holder: p.id, Addrs: p.net.Addrs()})
		if err == nil {
			return nil
		}
		if !errors.Is(err, wire.ErrUnreachable) {
			return fmt.Errorf("peer: the directory did not take the birth: %w", err)
		}
		select { // the first question is what opens the session
		case <-ctx.Done():
			return fmt.Errorf("peer: the directory cannot be reached, so that nothing can be born here: %w", wire.ErrUnreachable)
		case <-time.After(retryKeeper):
		}
	}
}
