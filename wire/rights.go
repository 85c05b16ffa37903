package wire

import (
	"fmt"
	"strings"
)

// Rights is the set of things that an authenticated peer may ask a node for.
// Rights never travel: each node reads them from its own list of known keys.
type Rights uint8

// The rights, as bits.
const (
	RightSubmit     Rights = 1 << iota // submit events to daemons of this node
	RightMigrateIn                     // move daemons to this node
	RightMigrateOut                    // move daemons away from this node
	RightAdminister                    // nothing over the network: operators use the node's own socket

	// AllRights is the set of all rights.
	AllRights = RightSubmit | RightMigrateIn | RightMigrateOut | RightAdminister
)

// rightNames holds the name of each bit, lowest first.
var rightNames = [...]string{"submit", "migrate-in", "migrate-out", "administer"}

// ParseRights reads the names that String prints: one right or a
// comma-separated list per argument, in any order. The empty list is no right.
func ParseRights(names ...string) (Rights, error) {
	var rights Rights
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			r, err := parseRight(strings.TrimSpace(name))
			if err != nil {
				return 0, err
			}
			rights |= r
		}
	}
	return rights, nil
}

// parseRight reads the name of one right; the empty name is none.
func parseRight(name string) (Rights, error) {
	for i, known := range rightNames {
		if name == known {
			return 1 << i, nil
		}
	}
	if name == "" {
		return 0, nil
	}
	return 0, fmt.Errorf("wire: unknown right %q", name)
}

// Has reports whether every right of want is in r.
func (r Rights) Has(want Rights) bool { return r&want == want }

// String returns the names of the rights, joined by commas.
func (r Rights) String() string {
	var names []string
	for i, name := range rightNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
