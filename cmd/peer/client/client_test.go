package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// answering is a client of a server on a socket that answers with f.
func answering(t *testing.T, f http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ferry")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: f}
	go web.Serve(l)
	c := Dial(filepath.Join(dir, "s"))
	t.Cleanup(func() { c.Close(); web.Close(); os.RemoveAll(dir) })
	return c
}

// kindOf is the kind of problem that an error is.
func kindOf(t *testing.T, err error) *Problem {
	t.Helper()
	var p *Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	return p
}

// TestFailuresOfTheConnection: each is told apart, since each has another remedy.
func TestFailuresOfTheConnection(t *testing.T) {
	ctx := t.Context()
	_, err := Dial(filepath.Join(t.TempDir(), "none")).Status(ctx)
	if p := kindOf(t, err); p.Kind != "no_node" || p.Code != CodeUnreachable || !strings.Contains(p.Detail, "no such file") {
		t.Errorf("no socket: %+v", p)
	}
	broken := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	})
	_, err = broken.Spawn(ctx, "kv", "a")
	if p := kindOf(t, err); p.Kind != "node_gone" || p.Code != CodeUnreachable || p.Outcome == "" {
		t.Errorf("broken: %+v", p)
	}
	silent := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err = silent.Status(short)
	if p := kindOf(t, err); p.Kind != "deadline" || p.Code != CodeDeadline {
		t.Errorf("silent: %+v", p)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = silent.Status(gone)
	if p := kindOf(t, err); p.Kind != "interrupted" || p.Code != CodeInterrupted {
		t.Errorf("interrupted: %+v", p)
	}
}

// TestAnswersOfSomethingElse: what answers at the socket need not be a node.
func TestAnswersOfSomethingElse(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
	}{{200, "hello"}, {404, "hello"}, {500, "{}"}, {302, ""}} {
		other := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := other.Status(t.Context())
		if p := kindOf(t, err); p.Kind != "bad_answer" {
			t.Errorf("%d %q: %+v", c.status, c.body, p)
		}
	}
}

// TestProblemsArriveWhole: code, kind, outcome, detail and next command of an answer are those of the error.
func TestProblemsArriveWhole(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"code":7,"kind":"refused","outcome":"serving","detail":"no","next":"peer status","more":1}`)
	})
	_, err := c.Stop(t.Context(), "x")
	if p := kindOf(t, err); *p != (Problem{Code: 7, Kind: "refused", Outcome: "serving", Detail: "no", Next: "peer status"}) {
		t.Errorf("got %+v", p)
	}
}

// TestWatchThatBreaksOff returns what was seen last, and an error that says that more is not known.
func TestWatchThatBreaksOff(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":"5f","phase":"transfer"}`+"\n")
	})
	seen := 0
	m, err := c.Watch(t.Context(), "5f", func(Migration) { seen++ })
	if p := kindOf(t, err); p.Kind != "node_gone" || m.Phase != "transfer" || seen != 1 {
		t.Errorf("%+v, %+v, seen %d", m, p, seen)
	}
}

// TestStreamToNobody: the error is that of the connection, on both sides of the stream.
func TestStreamToNobody(t *testing.T) {
	s := Dial(filepath.Join(t.TempDir(), "none")).Stream(t.Context(), "x", "", "")
	defer s.Close()
	if _, err := s.Receive(); kindOf(t, err).Kind != "no_node" {
		t.Errorf("receive: %v", err)
	}
	if err := s.Send(1, nil); err == nil {
		t.Error("send: no error")
	}
	if err := errors.Join(s.CloseSend(), s.CloseSend()); err != nil {
		t.Errorf("close: %v", err)
	}
}
