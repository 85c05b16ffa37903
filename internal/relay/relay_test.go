package relay

import (
	"errors"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// patience is longer than anything on loopback takes.
const patience = 10 * time.Second

// end is a UDP socket of a test.
type end struct {
	t *testing.T
	*net.UDPConn
}

func newEnd(t *testing.T) end {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return end{t, c}
}

func (e end) addr() string { return e.LocalAddr().String() }

// send sends to an address that is known to parse.
func (e end) send(text, to string) {
	e.t.Helper()
	addr, err := net.ResolveUDPAddr("udp", to)
	if err == nil {
		_, err = e.WriteToUDP([]byte(text), addr)
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// want waits for a packet and returns where it came from.
func (e end) want(text string) string {
	e.t.Helper()
	buf := make([]byte, maxPacket)
	if err := e.SetReadDeadline(time.Now().Add(patience)); err != nil {
		e.t.Fatal(err)
	}
	n, from, err := e.ReadFromUDP(buf)
	if err != nil || string(buf[:n]) != text {
		e.t.Fatalf("got %q, %v, want %q", buf[:n], err, text)
	}
	return from.String()
}

// silent checks that nothing is waiting now.
func (e end) silent() {
	e.t.Helper()
	if err := e.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		e.t.Fatal(err)
	}
	if n, err := e.Read(make([]byte, maxPacket)); !errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Fatalf("a packet of %d bytes, %v", n, err)
	}
}

// newRelay opens a relay towards a target that the test closes.
func newRelay(t *testing.T, cfg Config) *Relay {
	t.Helper()
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *Relay) mustSet(t *testing.T, d Direction, rules Rules) {
	t.Helper()
	if err := r.Set(d, rules); err != nil {
		t.Fatal(err)
	}
}

// TestRelayPassesBothWays: each sender has a port of its own at the target, keeps it, and gets its answers
// from the address that it dialed.
func TestRelayPassesBothWays(t *testing.T) {
	a, b, target := newEnd(t), newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr()})
	a.send("from a", r.Addr())
	asA := target.want("from a")
	b.send("from b", r.Addr())
	asB := target.want("from b")
	a.send("again", r.Addr())
	if again := target.want("again"); again != asA || asA == asB || asA == a.addr() {
		t.Errorf("a is %s and then %s, b is %s", asA, again, asB)
	}
	target.send("to b", asB)
	target.send("to a", asA)
	if from := b.want("to b"); from != r.Addr() {
		t.Errorf("the answer is from %s", from)
	}
	a.want("to a")
	stranger := newEnd(t)
	stranger.send("not the target", asA)
	target.send("the target", asA)
	a.want("the target")
}

func TestRulesHoldForOneDirection(t *testing.T) {
	a, target := newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr()})
	a.send("hello", r.Addr())
	as := target.want("hello")
	r.mustSet(t, Back, Rules{Cut: true})
	target.send("cut off", as)
	a.send("still there", r.Addr())
	target.want("still there")
	eventually(t, func() bool { return r.Stats(Back).Cut == 1 })
	r.mustSet(t, Back, Rules{Duplicate: 1})
	target.send("twice", as)
	a.want("twice")
	a.want("twice")
	a.silent()
	if got := r.Rules(Back); got != (Rules{Duplicate: 1}) {
		t.Errorf("rules %+v", got)
	}
	if err := r.Set(Back, Rules{Loss: 2}); err == nil {
		t.Error("a loss of 2 is accepted")
	}
}

// eventually waits for something that another goroutine is about to do.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it has not happened")
		}
	}
}

func TestDelayOnTheRealClock(t *testing.T) {
	a, target := newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr()})
	r.mustSet(t, Forward, Rules{Delay: 30 * time.Millisecond})
	began := time.Now()
	for i := range 50 {
		a.send(strconv.Itoa(i), r.Addr())
	}
	for i := range 50 {
		target.want(strconv.Itoa(i))
	}
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestRebindChangesThePort(t *testing.T) {
	a, target := newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr()})
	a.send("one", r.Addr())
	before := target.want("one")
	if n := r.Rebind(); n != 1 {
		t.Errorf("%d senders", n)
	}
	a.send("two", r.Addr())
	after := target.want("two")
	if before == after {
		t.Errorf("still %s", after)
	}
	target.send("lost", before)
	target.send("found", after)
	a.want("found")
	a.silent()
}

// TestFlowsAreBounded: the sender that was silent for longest gets a new port when it comes back.
func TestFlowsAreBounded(t *testing.T) {
	a, b, c, target := newEnd(t), newEnd(t), newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr(), MaxFlows: 2})
	ports := make(map[end]string)
	for _, e := range []end{a, b, a, c} {
		e.send("x", r.Addr())
		ports[e] = target.want("x")
	}
	a.send("x", r.Addr())
	if got := target.want("x"); got != ports[a] {
		t.Error("the sender that was heard last was forgotten")
	}
	b.send("x", r.Addr())
	if got := target.want("x"); got == ports[b] {
		t.Error("nobody was forgotten")
	}
	target.send("answer", ports[a])
	target.silent()
}

// TestTargetMayComeLater, and go elsewhere.
func TestTargetMayComeLater(t *testing.T) {
	a, one, two := newEnd(t), newEnd(t), newEnd(t)
	r := newRelay(t, Config{})
	a.send("to nobody", r.Addr())
	eventually(t, func() bool { return r.Stats(Forward).Sent == 1 })
	for _, target := range []end{one, two} {
		if err := r.SetTarget(target.addr()); err != nil {
			t.Fatal(err)
		}
		a.send("hello", r.Addr())
		target.want("hello")
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:9", "0.0.0.0:0", ":0", "[::]:0", "example.org:9", "8.8.8.8:53", "127.0.0.1"} {
		if r, err := New(Config{Listen: addr}); addr != ":0" && err == nil {
			r.Close()
			t.Errorf("listens on %s", addr)
		}
		if r, err := New(Config{Target: addr}); err == nil {
			r.Close()
			t.Errorf("sends to %s", addr)
		}
	}
	r := newRelay(t, Config{})
	if err := r.SetTarget("192.0.2.1:9"); err == nil {
		t.Error("the target may change to another machine")
	}
	m := NewMesh(1)
	if err := m.Place("a", "192.0.2.1:9"); err == nil {
		t.Error("an end may be on another machine")
	}
}

func TestLargestPacket(t *testing.T) {
	a, target := newEnd(t), newEnd(t)
	r := newRelay(t, Config{Target: target.addr()})
	text := string(make([]byte, 65_507)) // what IPv4 leaves of 65,535
	a.send(text, r.Addr())
	target.want(text)
}
