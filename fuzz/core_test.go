package fuzz

import (
	"errors"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/daemon"
	"github.com/ferrymesh/ferry/node"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/target"
	"github.com/ferrymesh/ferry/wire"
)

// coreRights are what the other nodes may do at the core under test, by their place in roleNodes: one everything,
// one to bring daemons, one nothing.
var coreRights = map[int]wire.Rights{1: wire.AllRights, 2: wire.RightMigrateIn | wire.RightSubmit, 3: 0}

// coreRun is a whole dispatcher, the core of a node, with real hosts and a real handler behind it and a session to
// each of three other nodes.
type coreRun struct {
	*role
	core     *node.Core
	executor *node.Executor
	host     *daemon.Host // born here; it may leave
	copies   uint64
	up       map[node.SessionID]int // sessions, by the place of their peer
	last     node.SessionID
}

func newCoreRun(t *testing.T, data []byte) *coreRun {
	r := &coreRun{role: newRole(t, data), up: make(map[node.SessionID]int)}
	registry := daemon.NewRegistry()
	handler := target.New(registry, target.Config{Node: roleNodes[0], MaxPendingEvents: 64, MaxPendingBytes: 1 << 16, Shards: 1})
	r.executor = &node.Executor{Node: roleNodes[0], Registry: registry, Handler: handler, Clock: func() time.Time { return r.now }}
	r.core = node.New(node.Config{
		Node: roleNodes[0], Boot: 3, Admit: func(*wire.Prepare) error { return nil },
		NewKey: func() (*crypto.EntityKeypair, error) { return roleKeys[1], nil },
		Target: target.MachineConfig{CreditEvents: 64, CreditBytes: 1 << 16},
	})
	var err error
	if r.host, err = daemon.NewHost(new(echo), roleKeys[0], "fuzz", daemon.HostConfig{Node: roleNodes[0]}); err != nil {
		t.Fatal(err)
	}
	if err := registry.Register(r.host); err != nil {
		t.Fatal(err)
	}
	r.step(node.Serve{Daemon: node.DaemonOf(r.host, false, wire.DurabilityMemory)})
	for who := range roleNodes[1:] {
		r.connect(1 + who)
	}
	return r
}

// connect begins a session, with a Hello on it.
func (r *coreRun) connect(who int) {
	r.last++
	r.up[r.last] = who
	r.step(node.SessionUp{Session: r.last, Peer: roleNodes[who], Rights: coreRights[who]})
	r.say(r.last, &wire.Hello{Versions: subproto.Supported(false), Boot: 1})
}

func (r *coreRun) say(s node.SessionID, m wire.Message) {
	h, body, _, err := wire.SplitFrame(wire.AppendFrame(nil, m))
	if err != nil {
		return // a message that no encoder of another node would send
	}
	r.step(node.Frame{Session: s, Header: h, Body: body})
}

// step gives the core an input and runs what it calls for, in order, until nothing is left.
func (r *coreRun) step(in node.Input) {
	inputs := []node.Input{in}
	for len(inputs) > 0 {
		e := r.core.Step(r.now, inputs[0])
		inputs = inputs[1:]
		r.check(e)
		for _, call := range e.Calls {
			inputs = append(inputs, node.Done{Call: call, Result: r.run(call)})
		}
		for _, c := range e.Copies {
			c.Snapshot.Close()
			r.copies++
			inputs = append(inputs, node.Copied{Migration: c.Ref.Migration, Bytes: 1, Done: true, Err: r.failing()})
		}
		for _, d := range e.Dials {
			inputs = append(inputs, node.DialFailed{Peer: d.Peer, Err: errRole})
		}
	}
}

func (r *coreRun) run(call node.Call) any {
	if op, ok := call.Op.(target.CallRestore); ok {
		return target.Restored{Err: errors.Join(errRole, wire.ErrBadSnapshot), EpochKey: crypto.PublicKey(op.Entity)}
	}
	result, _ := r.executor.Run(call)
	return result
}

// check holds what the core wants done to what can be done: frames that decode, on sessions that there are, and no
// wake in the past.
func (r *coreRun) check(e node.Effects) {
	r.noted(e.Wake, false)
	for _, s := range e.Sends {
		if _, up := r.up[s.Session]; !up {
			r.t.Fatalf("a frame for session %d, which is down", s.Session)
		}
		h, body, rest, err := wire.SplitFrame(s.Frame)
		if err == nil {
			_, err = wire.Decode(h, body)
		}
		if err != nil || len(rest) > 0 {
			r.t.Fatalf("%v was sent, which nobody can read: %v", h.Type, err)
		}
	}
	if len(e.Replies) > 0 {
		r.t.Fatal("nobody here has asked for anything")
	}
}

// turn draws what happens next.
func (r *coreRun) turn() {
	s := node.SessionID(1 + r.in.next()%byte(r.last))
	switch r.in.next() % 16 {
	case 0:
		if _, up := r.up[s]; up {
			delete(r.up, s)
			r.step(node.SessionDown{Session: s, Err: errRole})
		}
	case 1:
		r.connect(1 + int(r.in.next()%3))
	case 2:
		r.pass()
		r.step(node.Tick{})
	case 3:
		typ, n := wire.MakeType(wire.Subprotocol(r.in.next()%5), r.in.next()%0x20), int(r.in.next())
		body := r.in.rest[:min(n, len(r.in.rest))]
		r.in.rest = r.in.rest[len(body):]
		r.step(node.Frame{Session: s, Header: wire.Header{Type: typ, Length: len(body)}, Body: body})
	case 4:
		r.step(node.StreamOpened{Session: s, Ref: r.ref(), Stream: uint64(r.in.next())})
	case 5:
		items := []wire.Submission{{Seq: uint64(r.in.next()), Payload: []byte{r.in.next()}}}
		r.say(s, &wire.Submit{Origin: r.host.Origin(), Since: uint64(r.in.next() & 1), Items: items})
	case 6:
		r.say(s, &wire.Open{Origin: r.host.Origin()})
	case 7:
		r.say(s, &wire.TakeSnapshot{Ref: r.ref(), Target: r.in.node()})
	case 8:
		entity := crypto.EntityID(roleKeys[1].Public())
		ref := wire.Ref{Migration: wire.MigrationID{2, r.in.next() & 3}, Origin: crypto.OriginOf(entity), Epoch: 1}
		r.say(s, &wire.Prepare{Ref: ref, Entity: entity, Kind: "fuzz"})
	case 9:
		r.step(node.Reauthorize{Peer: r.in.node(), Rights: wire.Rights(r.in.next()) & wire.AllRights})
	default:
		r.say(s, r.message())
	}
}

// held checks that the daemon serves here for as long as its own log does not say that it has been handed over:
// nothing that a peer sends takes it out of service otherwise.
func (r *coreRun) held() {
	if _, gone := r.host.HandedOver(); gone {
		return
	}
	for _, d := range r.core.Daemons() {
		if d.Origin == r.host.Origin() && !d.Left {
			return
		}
	}
	r.t.Fatal("the daemon is gone, and was not handed over")
}

// FuzzCore: a node's dispatcher, with all its roles, takes anything from peers with all rights, some and none, in
// any order. It does not panic, asks for nothing that cannot be done, remembers no more than it was told, and
// loses its daemon by a handover only.
func FuzzCore(f *testing.F) {
	f.Add([]byte{1, 7, 1, 1, 10, 0, 1, 10, 0, 2, 0})
	f.Add([]byte{0, 7, 1, 0, 10, 0, 0, 255, 255, 0, 10, 1, 0, 0, 10, 2, 0, 0, 0, 0, 2, 20, 0, 10, 4, 2, 0, 0, 10, 5, 0})
	f.Add([]byte{0, 8, 0, 0, 4, 0, 2, 2, 200, 1, 5, 1, 0, 1, 0, 6})
	f.Add([]byte{0, 3, 1, 1, 3, 1, 2, 3, 0, 9, 1, 0, 2, 5, 1, 2, 1})
	for _, run := range coreGolden(f) {
		f.Add(run)
	}
	f.Fuzz(func(t *testing.T, data []byte) { runCore(t, data) })
}

// coreGolden are runs in which a move is asked for and a golden frame follows.
func coreGolden(t testing.TB) (runs [][]byte) {
	for _, frame := range goldenFrames(t) {
		runs = append(runs, append([]byte{0, 7, 1, 0, 10, cutFrame}, frame...))
	}
	return runs
}

func runCore(t *testing.T, data []byte) *coreRun {
	r := newCoreRun(t, data)
	turns := 0
	for ; len(r.in.rest) > 0 && turns < 128; turns++ {
		r.turn()
		r.held()
	}
	if n := len(r.core.Migrations()); n > turns {
		t.Fatalf("%d migrations after %d inputs", n, turns)
	}
	return r
}

// TestCoreSeeds: the golden frames that fuzzing begins with are read as frames, however bytes are read by now.
func TestCoreSeeds(t *testing.T) {
	for _, run := range coreGolden(t) {
		runCore(t, run).mustCut()
	}
}
