package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/cmd/peer/kinds"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// rig is a node with its admin server on a socket, and a client of it.
type rig struct {
	*client.Client
	peer   *peer.Peer
	server *Server
}

func newRig(t *testing.T, name string) *rig {
	t.Helper()
	key, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	dir := socketDir(t)
	authorized, err := peer.OpenAuthorized(filepath.Join(dir, "authorized"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(dir, "a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	gate := NewGate(authorized.Lookup, false)
	p, err := peer.New(peer.Config{Key: key, Name: name, Listen: "127.0.0.1:0", Authorize: gate.Authorize})
	if err != nil {
		t.Fatal(err)
	}
	if err := kinds.Register(p); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Peer: p, Version: "test", Authorized: filepath.Join(dir, "authorized"), Peers: authorized, Gate: gate})
	web := &http.Server{Handler: s}
	go web.Serve(l)
	c := client.Dial(filepath.Join(dir, "a.sock"))
	t.Cleanup(func() { c.Close(); web.Close(); s.Close(); p.Close() })
	return &rig{c, p, s}
}

// introduce lets two nodes know each other, with all rights.
func introduce(ctx context.Context, t *testing.T, a, b *rig) {
	t.Helper()
	for _, pair := range [][2]*rig{{a, b}, {b, a}} {
		one, other := pair[0], pair[1]
		id := other.peer.ID().Hex()
		err := one.Authorize(ctx, client.AuthorizeRequest{Key: id, Name: other.peer.Name(), Rights: wire.AllRights.String()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.Learn(ctx, client.LearnRequest{Key: id, Name: other.peer.Name(), Addrs: other.peer.Addrs()}); err != nil {
			t.Fatal(err)
		}
	}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestProblemBodies: whatever is wrong with a request is answered with a problem, and the right status.
func TestProblemBodies(t *testing.T) {
	r := newRig(t, "alpha")
	self := r.server.cfg.Peer.ID().Hex()
	huge := `{"kind":"` + strings.Repeat("x", MaxBody) + `"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		kind               string
	}{
		{"GET", "/v1/nothing", "", 404, "no_such_path"},
		{"GET", "/", "", 404, "no_such_path"},
		{"PUT", "/v1/daemons", "", 405, "no_such_method"},
		{"DELETE", "/v1/status", "", 405, "no_such_method"},
		{"POST", "/v1/daemons", "{", 400, "bad_request"},
		{"POST", "/v1/daemons", `{"kind":"kv","color":"blue"}`, 400, "bad_request"},
		{"POST", "/v1/daemons", `{"kind":"kv"} {}`, 400, "bad_request"},
		{"POST", "/v1/daemons", huge, 413, "too_large"},
		{"POST", "/v1/daemons", `{"kind":"chess"}`, 403, "unknown_kind"},
		{"GET", "/v1/daemons/none", "", 404, "unknown_daemon"},
		{"GET", "/v1/daemons/none/passport", "", 404, "unknown_daemon"},
		{"GET", "/v1/daemons/0123456789abcdef/passport", "", 404, "no_passport"},
		{"POST", "/v1/daemons/none/events", `{"payload":"AA=="}`, 404, "unknown_daemon"},
		{"POST", "/v1/daemons/none/inspect", "count", 404, "unknown_daemon"},
		{"POST", "/v1/migrations", `{"daemon":"none","target":"none"}`, 404, "unknown_node"},
		{"POST", "/v1/migrations", `{"daemon":"none","target":"alpha","id":"5f"}`, 400, "bad_request"},
		{"POST", "/v1/migrations", `{"daemon":"none","target":"alpha","stall_ns":-1}`, 400, "bad_request"},
		{"GET", "/v1/migrations/5f", "", 404, "unknown_migration"},
		{"GET", "/v1/migrations/5f/watch", "", 404, "unknown_migration"},
		{"DELETE", "/v1/migrations/5f", "", 404, "unknown_migration"},
		{"POST", "/v1/nodes", `{"key":"SHA256:abc","addrs":["a:1"]}`, 400, "bad_key"},
		{"POST", "/v1/nodes", fmt.Sprintf(`{"key":%q,"addrs":["a:1","%s:1"]}`, self, strings.Repeat("a", wire.MaxAddr)), 400, "bad_address"},
		{"POST", "/v1/nodes", fmt.Sprintf(`{"key":%q,"addrs":["a:1"%s]}`, self, strings.Repeat(`,"a:1"`, wire.MaxAddrs)), 400, "bad_address"},
		{"POST", "/v1/daemons/notes/events", `{"label":"\u001b","payload":"AA=="}`, 400, "bad_label"},
		{"POST", "/v1/authorized", `{"key":"none","rights":"submit"}`, 400, "bad_key"},
	} {
		w := httptest.NewRecorder()
		r.server.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		var p client.Problem
		err := json.Unmarshal(w.Body.Bytes(), &p)
		if err != nil || w.Code != c.status || p.Kind != c.kind || p.Detail == "" || p.Code == 0 {
			t.Errorf("%s %s: status %d, %+v, %v; want %d, %s", c.method, c.path, w.Code, p, err, c.status, c.kind)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s: %s", c.method, c.path, got)
		}
		if c.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: it does not say what is allowed", c.method, c.path)
		}
	}
}

// TestLifeOfADaemon: born, fed, asked, moved, followed, proven, ended, all through the socket.
func TestLifeOfADaemon(t *testing.T) {
	ctx := testContext(t)
	a, b := newRig(t, "alpha"), newRig(t, "bravo")
	introduce(ctx, t, a, b)
	d, err := a.Spawn(ctx, "kv", "notes")
	if err != nil || d.State != client.StateServing || d.Holder.Name != "alpha" {
		t.Fatalf("%+v, %v", d, err)
	}
	first, err := a.Submit(ctx, "notes", "p", 7, []byte("put color blue"))
	if err != nil || first.Sequence != 1 || string(first.Outputs[0]) != "ok 1" {
		t.Fatalf("%+v, %v", first, err)
	}
	m, err := a.Migrate(ctx, client.MigrateRequest{Daemon: "notes", Target: "bravo"})
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	m, err = a.Watch(ctx, m.ID, func(m client.Migration) { phases = append(phases, m.Phase) })
	if err != nil || m.Outcome != client.OutcomeMoved || len(phases) == 0 || phases[len(phases)-1] != "complete" {
		t.Fatalf("%+v, %v, %v", m, err, phases)
	}
	again, err := a.Submit(ctx, "notes", "p", 7, []byte("put color blue"))
	if err != nil || !again.Duplicate || again.Sequence != 1 || again.Holder != b.peer.ID().Hex() {
		t.Fatalf("a retry across the move: %+v, %v", again, err)
	}
	if answer, err := b.Inspect(ctx, "notes", []byte("get color")); err != nil || !bytes.Contains(answer, []byte("blue")) {
		t.Fatalf("%s, %v", answer, err)
	}
	mine, err := a.MigrationPassport(ctx, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := b.Passport(ctx, d.ID)
	if err != nil || !bytes.Equal(mine, theirs) {
		t.Fatalf("passports of %d and %d bytes, %v", len(mine), len(theirs), err)
	}
	p, err := crypto.ParsePassport(mine)
	if err != nil || p.Verify() != nil || p.Epoch() != 2 {
		t.Fatalf("%v, %v", err, p.Verify())
	}
	if _, err := a.Stop(ctx, "notes"); !errors.Is(err, &client.Problem{Kind: "moved"}) {
		t.Fatalf("stop where it left: %v", err)
	}
	if last, err := b.Stop(ctx, "notes"); err != nil || last.Epoch != 2 {
		t.Fatalf("%+v, %v", last, err)
	}
}

// TestMigrateAgainWithTheSameID joins the migration instead of starting another.
func TestMigrateAgainWithTheSameID(t *testing.T) {
	ctx := testContext(t)
	a, b := newRig(t, "alpha"), newRig(t, "bravo")
	introduce(ctx, t, a, b)
	if _, err := a.Spawn(ctx, "kv", "notes"); err != nil {
		t.Fatal(err)
	}
	// The full id, because the request must mean the same after the daemon has left.
	req := client.MigrateRequest{ID: strings.Repeat("5f", 16), Daemon: "notes", Target: "bravo"}
	for range 2 {
		m, err := a.Migrate(ctx, req)
		if err != nil || m.ID != req.ID {
			t.Fatalf("%+v, %v", m, err)
		}
	}
	if _, err := a.Watch(ctx, req.ID, nil); err != nil {
		t.Fatal(err)
	}
	if list, err := a.Migrations(ctx); err != nil || len(list) != 1 {
		t.Fatalf("%d migrations, %v", len(list), err)
	}
	m, err := a.Migrate(ctx, req)
	if err != nil || m.Outcome != client.OutcomeMoved {
		t.Fatalf("after the move: %+v, %v", m, err)
	}
}

// TestStream submits more than the stream holds at once, with one that is refused in the middle.
func TestStream(t *testing.T) {
	ctx := testContext(t)
	a := newRig(t, "alpha")
	if _, err := a.Spawn(ctx, "kv", "notes"); err != nil {
		t.Fatal(err)
	}
	s := a.Stream(ctx, "notes", "p", "")
	defer s.Close()
	const n, bad = 3 * maxUnanswered, 700
	go func() {
		for i := range uint64(n) {
			payload := fmt.Sprintf("put k%d %d", i, i)
			if i == bad {
				payload = "sing"
			}
			if s.Send(i+1, []byte(payload)) != nil {
				return // the reader of the receipts says what is wrong
			}
		}
		s.CloseSend()
	}()
	applied, refused := 0, 0
	for {
		r, err := s.Receive()
		if err == io.EOF {
			break
		}
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Problem == nil:
			applied++
		case r.Problem.Kind == "rejected" && r.ProducerSeq == bad+1:
			refused++
		default:
			t.Fatalf("%+v", r.Problem)
		}
	}
	if applied != n-1 || refused != 1 {
		t.Errorf("%d applied, %d refused, of %d", applied, refused, n)
	}
}

// TestRequestsAfterStreams: what a stream leaves of its connection harms no request that comes after it.
func TestRequestsAfterStreams(t *testing.T) {
	a, ctx := newRig(t, "alpha"), testContext(t)
	if _, err := a.Spawn(ctx, "kv", "notes"); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		s := a.Stream(ctx, "notes", "", "")
		if err := errors.Join(s.Send(0, []byte("put color blue")), s.CloseSend()); err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		if r, err := s.Receive(); err != nil || r.Problem != nil {
			t.Fatalf("stream %d: %+v, %v", i, r, err)
		}
		if _, err := s.Receive(); err != io.EOF {
			t.Fatalf("stream %d: %v at its end", i, err)
		}
		s.Close()
		if _, err := a.Submit(ctx, "notes", "", 0, []byte("incr visits")); err != nil {
			t.Fatalf("after stream %d: %v", i, err)
		}
	}
}

// TestStreamOfNonsense ends with a problem, after the receipts for what was fine.
func TestStreamOfNonsense(t *testing.T) {
	ctx := testContext(t)
	a := newRig(t, "alpha")
	if _, err := a.Spawn(ctx, "wordcount", "words"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ body, kind string }{
		{"{\"payload\":\"YQ==\"}\n{\n", "bad_request"},
		{"{\"payload\":\"YQ==\"}\n" + strings.Repeat("x", MaxBody+1), "too_large"},
	} {
		web := httptest.NewServer(a.server)
		resp, err := http.Post(web.URL+"/v1/daemons/words/events", "application/x-ndjson", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		lines := json.NewDecoder(resp.Body)
		var first, second client.Receipt
		if err := errors.Join(lines.Decode(&first), lines.Decode(&second)); err != nil {
			t.Fatal(err)
		}
		if first.Sequence == 0 || second.Problem == nil || second.Problem.Kind != c.kind {
			t.Errorf("got %+v and %+v, want %s", first, second, c.kind)
		}
		resp.Body.Close()
		web.Close()
	}
}

// TestStreamWhoseClientGoes: receipts that nobody reads any more hurt nobody.
func TestStreamWhoseClientGoes(t *testing.T) {
	ctx := testContext(t)
	a := newRig(t, "alpha")
	if _, err := a.Spawn(ctx, "wordcount", "words"); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		s := a.Stream(ctx, "words", "", "")
		for range 300 {
			if err := s.Send(0, []byte("one two")); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
	if r, err := a.Submit(ctx, "words", "", 0, []byte("three")); err != nil || r.Sequence == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNamesBelongToTheOperator: a node cannot attract a daemon by calling itself like another.
func TestNamesBelongToTheOperator(t *testing.T) {
	ctx := testContext(t)
	a, thief := newRig(t, "alpha"), newRig(t, "vault")
	introduce(ctx, t, a, thief)
	owner, err := crypto.GenerateNodeKeypair()
	if err != nil {
		t.Fatal(err)
	}
	// The operator calls the thief something else, and the owner of the name is not even connected.
	if _, err := a.Learn(ctx, client.LearnRequest{Key: thief.peer.ID().Hex(), Name: "thief", Addrs: thief.peer.Addrs()}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Learn(ctx, client.LearnRequest{Key: owner.ID().Hex(), Name: "vault", Addrs: []string{"127.0.0.1:9"}}); err != nil {
		t.Fatal(err)
	}
	b, err := a.server.book(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.find("vault"); err != nil || id != owner.ID() {
		t.Errorf("vault is %v, %v", id, err)
	}
	if id, err := b.find("thief"); err != nil || id != thief.peer.ID() {
		t.Errorf("thief is %v, %v", id, err)
	}
}
