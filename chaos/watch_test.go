package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// newTestNode returns a member whose admin socket is answered by a function.
func newTestNode(t *testing.T, name string, answer http.HandlerFunc) *member {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer}
	go server.Serve(l)
	m := &member{name: name, id: crypto.NodeID{name[0]}, admin: client.Dial(socket)}
	t.Cleanup(func() {
		m.admin.Close()
		server.Close()
	})
	return m
}

// says answers every question with the same value.
func says(status int, v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
}

// hangs never answers.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

var (
	servingHere = says(http.StatusOK, client.Daemon{ID: "d", State: client.StateServing, Epoch: 2})
	unknownHere = says(http.StatusNotFound, client.Problem{Code: client.CodeUnknown, Kind: "unknown_daemon", Detail: "no daemon here"})
)

// TestConvergedNeedsAWordFromEverybody: a node that has never heard of the daemon has nothing to say about it. One that does not
// answer, or cannot, may have it as well.
func TestConvergedNeedsAWordFromEverybody(t *testing.T) {
	for name, other := range map[string]struct {
		answer http.HandlerFunc
		want   string // in the error, "" for none
	}{
		"unknown": {unknownHere, ""},
		"left":    {says(http.StatusOK, client.Daemon{ID: "d", State: client.StateLeft, Epoch: 2}), ""},
		"serving": {servingHere, "b says serving"},
		"hung":    {hangs, "b says nothing of it"},
		"failing": {says(http.StatusInternalServerError, client.Problem{Code: client.CodeError, Kind: "internal_error", Detail: "broken"}), "b says nothing of it: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{members: []*member{newTestNode(t, "a", servingHere), newTestNode(t, "b", other.answer)}}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			at, err := newWatcher(c, client.Daemon{ID: "d", Kind: "kv"}).converge(ctx)
			switch {
			case other.want == "" && (err != nil || at.at != c.members[0]):
				t.Errorf("holder %v, %v", at.at, err)
			case other.want != "" && (err == nil || !strings.Contains(err.Error(), other.want)):
				t.Errorf("%v, want %q", err, other.want)
			}
		})
	}
}

// TestEveryMigrationEnds: with everything repaired a migration has moved or stayed, on every node that remembers it.
func TestEveryMigrationEnds(t *testing.T) {
	moves := func(outcomes ...string) http.HandlerFunc {
		var list []client.Migration
		for _, o := range outcomes {
			list = append(list, client.Migration{ID: "m", Outcome: o})
		}
		return says(http.StatusOK, list)
	}
	for name, node := range map[string]struct {
		answer http.HandlerFunc
		want   string // in the error, "" for none
	}{
		"none":     {moves(), ""},
		"ended":    {moves(client.OutcomeStayed, client.OutcomeMoved), ""},
		"running":  {moves(client.OutcomeStayed, ""), `b, []: m from  to  is ""`},
		"in doubt": {moves(client.OutcomeInDoubt), `is "in_doubt"`},
		"lost":     {moves(client.OutcomeLost), `is "lost"`},
		"hung":     {hangs, "b does not say what it moves"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cluster{members: []*member{newTestNode(t, "a", moves(client.OutcomeMoved)), newTestNode(t, "b", node.answer)}}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			switch err := c.settle(ctx); {
			case node.want == "" && err != nil:
				t.Error(err)
			case node.want != "" && (err == nil || !strings.Contains(err.Error(), node.want)):
				t.Errorf("%v, want %q", err, node.want)
			}
		})
	}
}
