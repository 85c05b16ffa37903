package main

import (
	"fmt"
	"math"
	"strings"
)

// bound says on which side of its limit a figure must be.
type bound uint8

const (
	none    bound = iota // the row informs
	atLeast              // the ratio must reach the limit
	atMost               // the ratio must not exceed the limit
)

// goal is what a row is held to.
type goal struct {
	bound bound
	limit float64
	unit  string // of the limit: "×" for a ratio, else that of an absolute figure
}

// The usual goals.
func reach(limit float64) goal  { return goal{atLeast, limit, "×"} }
func within(limit float64) goal { return goal{atMost, limit, "×"} }
func noGoal() goal              { return goal{} }
func zero(what string) goal     { return goal{atMost, 0, " " + what} }
func (g goal) fails(f float64) bool {
	return g.bound == atLeast && !(f >= g.limit) || g.bound == atMost && !(f <= g.limit)
}

// String is the cell of the table.
func (g goal) String() string {
	switch g.bound {
	case atLeast:
		return fmt.Sprintf("≥ %.4g%s", g.limit, g.unit)
	case atMost:
		return fmt.Sprintf("≤ %.4g%s", g.limit, g.unit)
	}
	return "–"
}

// row is one line of the table.
type row struct {
	what        string
	ferry, base string  // with units, medians
	ratio       float64 // of the medians, or the absolute figure that the goal is about
	spread      string  // of the ratio over the rounds
	goal        goal
}

// missed reports whether the row fails its goal.
func (r row) missed() bool { return r.goal.fails(r.ratio) }

// verdict says by how much a goal is missed, as a share of the goal.
func (r row) verdict() string {
	switch {
	case r.goal.bound == none:
		return "–"
	case !r.missed():
		return "ok"
	case r.goal.limit == 0:
		return fmt.Sprintf("MISS by %.3g%s", r.ratio, r.goal.unit)
	}
	return fmt.Sprintf("MISS by %.0f %%", 100*math.Abs(r.ratio/r.goal.limit-1))
}

// cells are the columns.
func (r row) cells() []string {
	ratio := "–"
	if r.base != "" && r.base != "–" {
		ratio = fmt.Sprintf("%.2f×", r.ratio)
	}
	return []string{r.what, r.ferry, orDash(r.base), ratio, orDash(r.spread), r.goal.String(), r.verdict()}
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// table is the rows in Markdown.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| what | ferry | baseline | ratio | spread | goal | verdict |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r.cells(), " | "))
	}
	return b.String()
}
