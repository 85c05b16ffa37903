package ferry_test

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/subproto"
	"github.com/ferrymesh/ferry/wire"
)

const security = "docs/security.md"

// TestSecurityNamesRealTests: every test that the page relies on exists.
func TestSecurityNamesRealTests(t *testing.T) {
	exist := make(map[string]bool)
	for _, f := range files(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test() && fn.Recv == nil {
				exist[fn.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`).FindAllString(read(t, security), -1)
	for _, name := range named {
		if !exist[name] {
			t.Errorf("%s names %s, which does not exist", security, name)
		}
	}
	if len(named) < 100 {
		t.Fatalf("only %d tests are named: does this test still read the page?", len(named))
	}
}

// TestSecurityFrames: the page's table has every frame once, and permits who the code does.
func TestSecurityFrames(t *testing.T) {
	rows := make(map[string][]string)
	for line := range strings.Lines(read(t, security)) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | "); len(cells) == 5 {
			rows[strings.TrimSpace(cells[1])] = cells
		}
	}
	for _, typ := range wire.Types() {
		number := fmt.Sprintf("%d.%02x", uint8(typ.Subprotocol()), typ.Number())
		row := rows[number]
		if row == nil || strings.TrimSpace(row[0]) != typ.String() {
			t.Errorf("%s has no row for %v, %s", security, typ, number)
			continue
		}
		if want := permitted(typ); want != "" && !sameItems(row[2], want) {
			t.Errorf("%s permits %v %q, the code %q", security, typ, row[2], want)
		}
		if right, opens := subproto.Opens(typ); opens != strings.Contains(row[3], "*"+right.String()+"*") {
			t.Errorf("%s says that %v needs %q, the code %v", security, typ, row[3], right)
		}
	}
}

// permitted lists the senders of a message to each role; empty for one that no role of a migration takes.
func permitted(typ wire.Type) string {
	nodes := map[subproto.Role]crypto.NodeID{subproto.Source: {1}, subproto.Target: {2}, subproto.Orchestrator: {3}}
	parties := subproto.Parties{Source: nodes[subproto.Source], Target: nodes[subproto.Target], Orchestrator: nodes[subproto.Orchestrator]}
	var list []string
	for _, to := range []subproto.Role{subproto.Source, subproto.Target, subproto.Orchestrator} {
		views := []subproto.View{{Role: to, Parties: parties}}
		if _, err := subproto.Route(typ, crypto.NodeID{9}, views); err == nil {
			list = append(list, "anyone → "+to.String())
			continue
		}
		for from, node := range nodes {
			if _, err := subproto.Route(typ, node, views); err == nil {
				list = append(list, from.String()+" → "+to.String())
			}
		}
	}
	return strings.Join(list, ", ")
}

// sameItems compares two lists whose order does not matter.
func sameItems(a, b string) bool {
	items := make(map[string]int)
	for _, s := range strings.Split(a, ", ") {
		items[s]++
	}
	for _, s := range strings.Split(b, ", ") {
		items[s]--
	}
	for _, n := range items {
		if n != 0 {
			return false
		}
	}
	return true
}
