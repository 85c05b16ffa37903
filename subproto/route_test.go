package subproto

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

var (
	nodeS, nodeT, nodeO, nodeX = crypto.NodeID{'S'}, crypto.NodeID{'T'}, crypto.NodeID{'O'}, crypto.NodeID{'X'}

	parties = Parties{Source: nodeS, Target: nodeT, Orchestrator: nodeO}
	roles   = []Role{Source, Target, Orchestrator}
	senders = map[string]crypto.NodeID{"source": nodeS, "target": nodeT, "orchestrator": nodeO, "stranger": nodeX, "nobody": {}}
)

// permitted is the table of protocol §5, read from the page, so that neither it nor the code changes alone:
// in each line to, from, messages. The page's row about rights is TestD1_Rights' subject.
var permitted = func() string {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		panic(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## 5 ")
	table, _, _ = strings.Cut(table, "\n**5.1**")
	var list strings.Builder
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if to := strings.TrimPrefix(cells[0], "| "); len(cells) == 3 && (to == "source" || to == "target" || to == "orchestrator") {
			messages, _, _ := strings.Cut(strings.TrimSuffix(cells[2], " |"), ":")
			fmt.Fprintln(&list, to, cells[1], strings.ReplaceAll(messages, ",", ""))
		}
	}
	return list.String()
}()

func allowed(to Role, sender string, t wire.Type) bool {
	for line := range strings.Lines(permitted) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != to.String() || words[1] != sender && words[1] != "anyone" {
			continue
		}
		if slices.Contains(words[2:], t.String()) {
			return true
		}
	}
	return false
}

// takes reports whether the page knows any sender of such a message to a role.
func takes(to Role, t wire.Type) bool {
	for sender := range senders {
		if allowed(to, sender, t) {
			return true
		}
	}
	return false
}

// Every message, to a node in every role, from every sender: the page's table and no other.
func TestD1_EverySenderOfEveryMessage(t *testing.T) {
	for _, msg := range wire.Types() {
		for _, to := range roles {
			for name, from := range senders {
				got, err := Route(msg, from, []View{{to, parties}})
				checkRoute(t, msg, to, name, got, err)
			}
		}
	}
}

func checkRoute(t *testing.T, msg wire.Type, to Role, sender string, got []Role, err error) {
	var wrong *WrongPeerError
	switch {
	case allowed(to, sender, msg):
		if err != nil || !slices.Equal(got, []Role{to}) {
			t.Errorf("%v to the %v from the %s: %v, %v", msg, to, sender, got, err)
		}
	case !takes(to, msg):
		if !errors.Is(err, wire.ErrDaemonNotFound) {
			t.Errorf("%v to the %v, which takes none: %v, %v", msg, to, got, err)
		}
	case !errors.As(err, &wrong) || !errors.Is(err, wire.ErrWrongPeer) || len(got) != 0:
		t.Errorf("%v to the %v from the %s: %v, %v", msg, to, sender, got, err)
	case wrong.From != senders[sender] || wrong.Type != msg || len(wrong.Want) == 0:
		t.Errorf("%v to the %v from the %s is refused as %+v", msg, to, sender, wrong)
	case !namesBoth(wrong):
		t.Errorf("the refusal does not name both: %v", err)
	case strings.Count(wrong.Told(), "SHA256:") != 1 || !strings.Contains(wrong.Told(), wrong.From.String()):
		t.Errorf("the sender is told who the parties are: %s", wrong.Told())
	}
}

// namesBoth reports whether a refusal says who has sent the message and who may, by their parts and by their ids.
func namesBoth(e *WrongPeerError) bool {
	text := e.Error()
	if len(e.Nodes) != len(e.Want) || !strings.Contains(text, e.From.String()) {
		return false
	}
	for i, r := range e.Want {
		id := senders[r.String()]
		if e.Nodes[i] != id || !strings.Contains(text, r.String()+" "+id.String()) {
			return false
		}
	}
	return true
}

// A node in several roles takes a message in those that may have it from this sender, and a wrong sender in
// one of them does not keep another from getting it.
func TestD1_SeveralRoles(t *testing.T) {
	all := []View{{Source, parties}, {Target, parties}, {Orchestrator, parties}}
	for _, msg := range wire.Types() {
		for name, from := range senders {
			var want []Role
			for _, r := range roles {
				if allowed(r, name, msg) {
					want = append(want, r)
				}
			}
			got, err := Route(msg, from, all)
			if !slices.Equal(got, want) || (err == nil) != (len(want) > 0) {
				t.Errorf("%v from the %s: %v, %v, want %v", msg, name, got, err, want)
			}
		}
	}
}

// One node may be two parties; each message still reaches the role it is for.
func TestD1_OrchestratorOnTheSource(t *testing.T) {
	both := Parties{Source: nodeS, Target: nodeT, Orchestrator: nodeS}
	views := []View{{Source, both}, {Orchestrator, both}}
	for msg, want := range map[wire.Type][]Role{
		wire.TypeCancel: {Source}, wire.TypeStatus: {Orchestrator}, wire.TypeCleanupComplete: {Orchestrator}, wire.TypeAsk: {Source},
	} {
		if got, err := Route(msg, nodeS, views); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v from the node itself: %v, %v, want %v", msg, got, err, want)
		}
	}
}

// A party that is not on record matches nobody.
func TestD1_UnknownParty(t *testing.T) {
	for _, msg := range wire.Types() {
		for _, to := range roles {
			if got, err := Route(msg, crypto.NodeID{}, []View{{to, Parties{}}}); err == nil && !allowed(to, "anyone", msg) {
				t.Errorf("%v to the %v without parties from nobody: %v", msg, to, got)
			}
			var wrong *WrongPeerError
			if _, err := Route(msg, nodeX, []View{{to, Parties{}}}); errors.As(err, &wrong) && strings.Count(err.Error(), "SHA256:") != 1 {
				t.Errorf("a party that is not on record has a name: %v", err)
			}
		}
	}
}

// A migration that is not known here has no roles.
func TestD1_NoMigration(t *testing.T) {
	if _, err := Route(wire.TypeFinal, nodeS, nil); !errors.Is(err, wire.ErrDaemonNotFound) {
		t.Errorf("without a migration: %v", err)
	}
}

// What opens something needs a right, all of it and nothing else.
func TestD1_Rights(t *testing.T) {
	needs := map[wire.Type]wire.Rights{
		wire.TypeTakeSnapshot: wire.RightMigrateOut, wire.TypePrepare: wire.RightMigrateIn,
		wire.TypeOpen: wire.RightSubmit, wire.TypeSubmit: wire.RightSubmit,
	}
	for _, msg := range wire.Types() {
		need, opens := needs[msg]
		if got, ok := Opens(msg); ok != opens || got != need {
			t.Errorf("%v needs %v, %v", msg, got, ok)
		}
		if err := CheckRight(msg, nodeX, need); err != nil {
			t.Errorf("%v with the right: %v", msg, err)
		}
		var refused *RightsError
		err := CheckRight(msg, nodeX, wire.AllRights&^need)
		if opens != errors.As(err, &refused) || opens != errors.Is(err, wire.ErrRefused) {
			t.Errorf("%v without the right: %v", msg, err)
		}
	}
}
