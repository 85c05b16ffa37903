package node_test

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// wordy is a daemon whose every event has as many outputs as it may.
type wordy struct{ blank }

func (wordy) Process(daemon.Event) ([][]byte, error) {
	return [][]byte{make([]byte, wire.MaxOutputs)}, nil
}

// pair is a node that holds a wordy daemon and one that submits to it, or one node that does both.
type pair struct {
	t              *testing.T
	now            time.Time
	holder, client *node.Core
	x              *node.Executor
	wake           time.Time // of the client
	steps          []func()  // frames and results that are on their way
	answers        []node.Receipt
	most           int // bytes of receipts of one step
}

var holderID, clientID = crypto.NodeID{1}, crypto.NodeID{2}

func newPair(t *testing.T, remote bool) (p *pair, origin uint64) {
	p = &pair{t: t, now: benchTime, holder: node.New(node.Config{Node: holderID, Boot: 1})}
	host, err := daemon.NewHost(wordy{}, mustKey(5), "wordy", daemon.HostConfig{})
	if err != nil {
		t.Fatal(err)
	}
	reg := daemon.NewRegistry()
	if err := reg.Register(host); err != nil {
		t.Fatal(err)
	}
	p.x = &node.Executor{Node: holderID, Registry: reg, Handler: target.New(reg, target.Config{Node: holderID}), Clock: func() time.Time { return p.now }}
	p.client = p.holder
	if remote {
		p.client = node.New(node.Config{Node: clientID, Boot: 1})
		p.step(p.client, node.SessionUp{Session: 1, Peer: holderID, Rights: wire.AllRights})
		p.step(p.holder, node.SessionUp{Session: 1, Peer: clientID, Rights: wire.AllRights})
	}
	p.step(p.holder, node.Serve{Daemon: node.DaemonOf(host, false, wire.DurabilityMemory)})
	return p, host.Origin()
}

// step gives a node an input; what that leads to is on its way then.
func (p *pair) step(c *node.Core, in node.Input) {
	e := c.Step(p.now, in)
	for _, call := range e.Calls {
		result, _ := p.x.Run(call)
		p.steps = append(p.steps, func() { p.step(c, node.Done{Call: call, Result: result}) })
	}
	other := p.client
	if c == p.client {
		other, p.wake = p.holder, e.Wake
	}
	size := 0
	for _, s := range e.Sends {
		msg := decoded(p.t, s)
		if _, ok := msg.(*wire.Receipts); ok {
			size += len(s.Frame)
		}
		p.steps = append(p.steps, func() { p.step(other, framed(1, msg)) })
	}
	p.most = max(p.most, size)
	for _, r := range e.Replies {
		if r.Err != nil {
			p.t.Fatal(r.Err)
		}
		for i := range r.Receipts.Items {
			p.answers = append(p.answers, r.Receipts.At(i))
		}
	}
}

// A frame of submissions whose events have large outputs is answered in parts, each of which fits what may wait for a peer at once; 64
// of them at 256 KiB would end the session of a client that is reading, and submitted again over the next one they would be
// duplicates, without outputs. Every event has its outputs, wherever its producer is.
func TestLargeOutputsComeInParts(t *testing.T) {
	const most = 1<<20 + 4<<10
	for name, remote := range map[string]bool{"at the holder": false, "at another node": true} {
		t.Run(name, func(t *testing.T) {
			p, origin := newPair(t, remote)
			p.step(p.client, node.Submit{Request: 1, Origin: origin, Via: holderID, Items: make([]wire.Submission, wire.MaxBatch)})
			for range 10_000 {
				if len(p.steps) > 0 {
					next := p.steps[0]
					p.steps = p.steps[1:]
					next()
				} else if len(p.answers) < wire.MaxBatch {
					p.now = p.wake
					p.step(p.client, node.Tick{})
				}
			}
			if len(p.answers) != wire.MaxBatch || p.most > most {
				t.Fatalf("%d answers; %d bytes of receipts at once", len(p.answers), p.most)
			}
			for i, r := range p.answers {
				if len(r.Outputs) != 1 || r.Duplicate || r.Sequence != uint64(i)+1 {
					t.Fatalf("answer %d: at %d, %d outputs, a duplicate: %v", i, r.Sequence, len(r.Outputs), r.Duplicate)
				}
			}
			if took := p.now.Sub(benchTime); took > time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
