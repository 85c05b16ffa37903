package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// telling is a client of a node that tells the given states of a migration, one after the other.
// It ends then, or holds the line if that is wished.
func telling(t *testing.T, hold bool, states ...client.Migration) *client.Client {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ferry")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := json.NewEncoder(w)
		for _, m := range states {
			_ = out.Encode(m)
		}
		if hold {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})}
	go web.Serve(l)
	c := client.Dial(filepath.Join(dir, "s"))
	t.Cleanup(func() { c.Close(); web.Close(); os.RemoveAll(dir) })
	return c
}

// TestOutcomesBecomeExitCodes: peer migrate leaves a migration in doubt and says so; peer migration watch
// stays until that is resolved.
func TestOutcomesBecomeExitCodes(t *testing.T) {
	state := func(outcome string, code int) client.Migration {
		m := client.Migration{ID: strings.Repeat("5f", 16), Name: "bank", Phase: "cutover", Outcome: outcome}
		if code != 0 {
			m.Problem = client.Problemf(code, outcome, "not moved")
		}
		return m
	}
	running, doubt := state("", 0), state(client.OutcomeInDoubt, client.CodeInDoubt)
	moved, stayed := state(client.OutcomeMoved, 0), state(client.OutcomeStayed, client.CodeStayed)
	lost := state(client.OutcomeLost, client.CodeError)
	for _, c := range []struct {
		name   string
		states []client.Migration
		leave  bool
		code   int
		out    string
	}{
		{"moved", []client.Migration{running, moved}, true, client.CodeDone, "moved and verified"},
		{"stayed", []client.Migration{running, stayed}, true, client.CodeStayed, ""},
		{"lost", []client.Migration{running, lost}, true, client.CodeError, ""},
		{"in doubt, left", []client.Migration{running, doubt}, true, client.CodeInDoubt, ""},
		{"in doubt, watched on", []client.Migration{running, doubt, moved}, false, client.CodeDone, "moved and verified"},
		{"the node has gone", []client.Migration{running}, true, client.CodeUnreachable, ""},
		{"the node has gone while in doubt", []client.Migration{doubt}, false, client.CodeUnreachable, ""},
	} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs}
		code := client.CodeDone
		if err := follow(t.Context(), a, telling(t, c.code == client.CodeInDoubt, c.states...), c.states[0], time.Now(), c.leave); err != nil {
			code = a.fail(err)
		}
		if code != c.code || !strings.Contains(out.String(), c.out) || c.out == "" && out.Len() > 0 {
			t.Errorf("%s: exit code %d, want %d; printed %q", c.name, code, c.code, out.String())
		}
	}
}

// atWords calls f when a word is written.
type atWords struct {
	bytes.Buffer
	words string
	f     func()
}

func (w *atWords) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if strings.Contains(w.String(), w.words) {
		w.f()
	}
	return n, err
}

// TestWatchInterruptedInDoubt: a migration in doubt has an outcome, and goes on all the same: that and how to watch it again is
// what is said of it, and no summary.
func TestWatchInterruptedInDoubt(t *testing.T) {
	doubt := client.Migration{ID: strings.Repeat("5f", 16), Name: "bank", Phase: "cutover", Outcome: client.OutcomeInDoubt}
	doubt.Problem = client.Problemf(client.CodeInDoubt, client.OutcomeInDoubt, "not confirmed")
	ctx, stop := context.WithCancel(t.Context())
	errs := &atWords{words: "in doubt", f: stop}
	var out bytes.Buffer
	a := &app{out: &out, err: errs}
	err := follow(ctx, a, telling(t, true, doubt), doubt, time.Now(), false)
	if code := a.fail(err); code != client.CodeInterrupted || out.Len() > 0 {
		t.Errorf("exit code %d, printed %q", code, out.String())
	}
	if want := "now:  the migration of bank goes on\nnext: peer migration watch 5f5f5f5f5f5f\n"; !strings.HasSuffix(errs.String(), want) {
		t.Errorf("said %q", errs.String())
	}
}

// TestParsePeer: the key's own "=" and "@" are not taken for the ends of the name and of the key.
func TestParsePeer(t *testing.T) {
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPKMost51lTfQ0678W+/f4UIa5dF3mzYqQvHzHiGopux root@edge=b"
	k, err := parsePeer("edge-b=" + key + "@[::1]:7777")
	if err != nil || k.name != "edge-b" || k.addr != "[::1]:7777" || k.id.IsZero() {
		t.Errorf("%+v, %v", k, err)
	}
	for _, bad := range []string{"", "edge-b", "edge-b=" + key, "=" + key + "@a:1", "edge-b=" + key + "@", "edge-b=@a:1"} {
		if _, err := parsePeer(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	var p *client.Problem
	if _, err := parsePeer("b=SHA256:abc@a:1"); !errors.As(err, &p) || p.Code != client.CodeUsage {
		t.Errorf("a fingerprint: %v", err)
	}
}
