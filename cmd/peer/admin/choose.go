package admin

import (
	"cmp"
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
	c, _, err := fitting(what, arg, choices)
	return c.value, err
}

// minDigits is how much of an id chooseInFull takes for the whole. No id is printed shorter.
const minDigits = 8

// chooseInFull is choose for what changes something: the beginning of a name is not enough. Where "job-1" has ended,
// "job-10" is the only one that begins so, and is not what whoever types the first means. The beginning of an id is
// enough if nobody could mean something else by it.
func chooseInFull[T any](what, arg string, choices []choice[T]) (T, error) {
	c, level, err := fitting(what, arg, choices)
	if err != nil || level > prefixMatch || c.begins(arg) {
		return c.value, err
	}
	var none T
	return none, client.Problemf(client.CodeUnknown, "unknown_"+what, "no %s here has the name or the id %q in full; what begins so is %s", what, arg, c.describe()).
		Now("nothing was changed: what changes something takes the full name, or %d digits of the id", minDigits).
		Then("the same command with %s, if that is meant", client.Quote(cmp.Or(c.name, short(c.ids[0]))))
}

// begins reports whether an argument is the beginning of an id, long enough, and of nothing else.
func (c *choice[T]) begins(arg string) bool {
	return len(strings.TrimPrefix(arg, fingerprintPrefix)) >= minDigits && !strings.HasPrefix(c.name, arg)
}

// fingerprintPrefix is what all fingerprints begin with.
const fingerprintPrefix = "SHA256:"

// fitting returns what fits an argument best, and how well, or the problem that choose describes.
func fitting[T any](what, arg string, choices []choice[T]) (choice[T], match, error) {
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
		return best[0], level, nil
	case 0:
		return choice[T]{}, noMatch, client.Problemf(client.CodeUnknown, "unknown_"+what, "no %s here has the name, the id or the prefix %q", what, arg).
			Now("nothing was changed").Then("peer %s ls", what)
	}
	return choice[T]{}, noMatch, client.Problemf(client.CodeUsage, "ambiguous", "%q could be any of %d %ss: %s", arg, len(best), what, describe(best)).
		Now("nothing was changed").Then("the same command with more of the name or id")
}

// maxCandidates is how many candidates a message lists.
const maxCandidates = 10

// describe lists candidates in the order of their names.
func describe[T any](list []choice[T]) string {
	out := make([]string, 0, len(list))
	for _, c := range list {
		out = append(out, c.describe())
	}
	slices.Sort(out)
	if len(out) > maxCandidates {
		out = append(out[:maxCandidates], "...")
	}
	return strings.Join(out, ", ")
}

// describe is the name, and the id that tells it from others of that name.
func (c *choice[T]) describe() string {
	if c.name == "" {
		return c.ids[0]
	}
	return fmt.Sprintf("%s (%s)", c.name, short(c.ids[0]))
}

// short is the start of an id, enough for people.
func short(id string) string { return id[:min(19, len(id))] }
