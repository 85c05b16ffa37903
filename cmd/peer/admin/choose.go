package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// choice is one thing that an argument of the operator's may mean.
type choice[T any] struct {
	value  T
	name   string   // may be empty
	ids    []string // the full id, and other spellings of it
	lesser bool     // gives way to others that fit as exactly: a daemon that left, a name nobody here gave
}

// match is how well an argument fits.
type match int

// The matches, the better ones higher. A lesser one in full still goes before any prefix: whoever types a
// name in full means that name, even if what has it has left.
const (
	noMatch match = iota
	prefixMatch
	lesserMatch // in full, and lesser
	exactMatch  // in full
)

// match compares letter by letter: ids are lower case already, and names differ by case.
func (c *choice[T]) match(arg string) match {
	words := append([]string{c.name}, c.ids...)
	switch {
	case arg == "":
		return noMatch
	case slices.Contains(words, arg) && c.lesser:
		return lesserMatch
	case slices.Contains(words, arg):
		return exactMatch
	case slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, arg) }):
		return prefixMatch
	}
	return noMatch
}

// choose finds what an argument means. What fits in full goes before what it is a prefix of. Nothing is
// the problem "unknown"; more than one thing is "ambiguous", and the problem lists them.
func choose[T any](what, arg string, choices []choice[T]) (T, error) {
	var best []choice[T]
	level := prefixMatch
	for _, c := range choices {
		m := c.match(arg)
		if m < level {
			continue
		}
		if m > level {
			level, best = m, nil
		}
		best = append(best, c)
	}
	switch len(best) {
	case 1:
		return best[0].value, nil
	case 0:
		var none T
		return none, client.Problemf(client.CodeUnknown, "unknown_"+what, "no %s here has the name, the id or the prefix %q", what, arg).
			Now("nothing was changed").Then("peer %s ls", what)
	}
	return best[0].value, client.Problemf(client.CodeUsage, "ambiguous", "%q could be any of %d %ss: %s", arg, len(best), what, describe(best)).
		Now("nothing was changed").Then("the same command with more of the name or id")
}

// maxCandidates is how many candidates a message lists.
const maxCandidates = 10

// describe lists candidates in the order of their names.
func describe[T any](list []choice[T]) string {
	out := make([]string, 0, len(list))
	for _, c := range list {
		text := c.ids[0]
		if c.name != "" {
			text = fmt.Sprintf("%s (%s)", c.name, short(text))
		}
		out = append(out, text)
	}
	slices.Sort(out)
	if len(out) > maxCandidates {
		out = append(out[:maxCandidates], "…")
	}
	return strings.Join(out, ", ")
}

// short is the start of an id, enough for people.
func short(id string) string { return id[:min(19, len(id))] }
