package attack

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

const (
	// patience is how long a test waits for what must happen. Nothing else depends on time.
	patience = time.Minute
	// handshakeTimeout is shorter than the default, so that what it must end ends within a test.
	handshakeTimeout = 2 * time.Second
)

// victim is a node under attack, with an honest producer that never stops.
type victim struct {
	t testing.TB
	greeting
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	calm   figures // before the attack

	attacker *crypto.NodeKeypair // known, with the rights of the test
	friend   *crypto.NodeKeypair // known, may submit, not connected yet

	acked atomic.Uint64 // of the honest producer
	tick  chan struct{} // holds a token after each
}

// attacked starts a victim that gives an attacker some rights.
func attacked(t testing.TB, rights wire.Rights, change ...func(*victimConfig)) *victim {
	t.Helper()
	v := &victim{t: t, attacker: newKey(t), friend: newKey(t), tick: make(chan struct{}, 1)}
	honest := newKey(t)
	cfg := victimConfig{Dir: t.TempDir(), Rights: make(map[string]wire.Rights)}
	for key, r := range map[*crypto.NodeKeypair]wire.Rights{v.attacker: rights, v.friend: wire.RightSubmit, honest: wire.RightSubmit} {
		id := key.ID()
		cfg.Rights[fmt.Sprintf("%x", id[:])] = r
	}
	for _, f := range change {
		f(&cfg)
	}
	v.start(cfg)
	v.produce(honest)
	v.serves()
	v.calm = v.figures()
	return v
}

func newKey(t testing.TB) *crypto.NodeKeypair {
	t.Helper()
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// start runs the victim's process until the test ends, and fails the test if it does not end well: nothing
// that is sent to a node may make it crash, or hang when it is closed.
func (v *victim) start(cfg victimConfig) {
	text, err := json.Marshal(cfg)
	if err != nil {
		v.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		v.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	hung := time.AfterFunc(4*patience, func() { _ = cmd.Process.Kill() })
	v.t.Cleanup(func() {
		_ = v.stdin.Close()
		if err := cmd.Wait(); err != nil {
			v.t.Errorf("the victim: %v", err)
		}
		hung.Stop()
	})
	v.stdout = bufio.NewScanner(stdout)
	v.read(&v.greeting)
}

func (v *victim) read(into any) {
	v.t.Helper()
	if !v.stdout.Scan() {
		v.t.Fatalf("the victim is gone: %v", v.stdout.Err())
	}
	if err := json.Unmarshal(v.stdout.Bytes(), into); err != nil {
		v.t.Fatalf("the victim says %q: %v", v.stdout.Text(), err)
	}
}

func (v *victim) figures() (f figures) {
	v.t.Helper()
	if _, err := io.WriteString(v.stdin, "\n"); err != nil {
		v.t.Fatal(err)
	}
	v.read(&f)
	return f
}

// join makes an honest node that knows the victim.
func (v *victim) join(key *crypto.NodeKeypair) *peer.Peer {
	v.t.Helper()
	p, err := peer.New(peer.Config{Key: key, Listen: "127.0.0.1:0"})
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			v.t.Error(err)
		}
	})
	p.Learn(v.Node, v.Addrs...)
	return p
}

// produce submits to the victim's daemon, one event after the other, until the test ends.
func (v *victim) produce(key *crypto.NodeKeypair) {
	producer := v.join(key).Producer(v.Honest, peer.ProducerOptions{Via: v.Node})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if _, err := producer.Submit(ctx, order(opAnswer, 8)); err != nil {
				if ctx.Err() == nil {
					v.t.Errorf("the honest producer: %v", err)
				}
				return
			}
			v.acked.Add(1)
			select {
			case v.tick <- struct{}{}:
			default:
			}
		}
	}()
	v.t.Cleanup(func() { cancel(); <-done })
}

// serves waits until the honest producer has been answered a few times more: whatever has been done to the node
// before, it serves.
func (v *victim) serves() {
	v.t.Helper()
	const more = 20
	late := time.After(patience)
	for want := v.acked.Load() + more; v.acked.Load() < want; {
		select {
		case <-v.tick:
		case <-late:
			v.t.Fatalf("%d of %d acknowledgments in %v", v.acked.Load()+more-want, more, patience)
		}
	}
}

// admits sees that a node which has not been connected yet gets in, and is served.
func (v *victim) admits() {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	producer := v.join(v.friend).Producer(v.Honest, peer.ProducerOptions{Via: v.Node})
	if _, err := producer.Submit(ctx, order(opAnswer, 8)); err != nil {
		v.t.Fatalf("a newcomer: %v", err)
	}
}

// bound is what an attack may cost above the calm node.
type bound struct {
	heap       uint64 // bytes after a collection
	peak       uint64 // bytes resident at any moment
	goroutines int
	files      int
}

// within measures the victim, and fails the test if it costs more than the bound. A first look may come before
// what has ended is gone, so it looks again until its patience is over.
func (v *victim) within(what string, b bound) figures {
	v.t.Helper()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	f := v.figures()
	peak := f.Peak
	for deadline := time.Now().Add(patience); v.beyond(f, b) != "" && time.Now().Before(deadline); {
		<-every.C
		f = v.figures()
		peak = max(peak, f.Peak)
	}
	v.t.Logf("%s: heap %s (calm %s, bound +%s), peak resident %s (calm %s, bound +%s), goroutines %d (%d, +%d), files %d (%d, +%d), %d acknowledged",
		what, mib(f.Heap), mib(v.calm.Heap), mib(b.heap), mib(peak), mib(v.calm.Peak), mib(b.peak),
		f.Goroutines, v.calm.Goroutines, b.goroutines, f.Files, v.calm.Files, b.files, v.acked.Load())
	if bad := v.beyond(f, b); bad != "" {
		v.t.Errorf("%s: too many %s", what, bad)
	}
	if b.peak > 0 && peak > v.calm.Peak+raceFactor*b.peak {
		v.t.Errorf("%s: too much resident memory", what)
	}
	return f
}

// beyond names what exceeds the bound.
func (v *victim) beyond(f figures, b bound) string {
	switch {
	case f.Heap > v.calm.Heap+b.heap:
		return "bytes of heap"
	case f.Goroutines > v.calm.Goroutines+b.goroutines:
		return "goroutines"
	case f.Files > v.calm.Files+b.files:
		return "files"
	}
	return ""
}

func mib(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
