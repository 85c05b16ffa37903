package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// lab is what the experiments of one run share: the options, and the rows and plots found so far. It belongs
// to one goroutine.
type lab struct {
	options
	experiment string // the one that runs
	started    time.Time
	rows       []row
	drawings   []drawing
}

// pick returns the full size of something, or the quick one.
func pick[T any](l *lab, full, quick T) T {
	if l.quick {
		return quick
	}
	return full
}

// add appends a row to the table and shows it, so that a long run can be followed.
func (l *lab) add(r row) {
	l.rows = append(l.rows, r)
	fmt.Fprintln(os.Stderr, " ", strings.Join(r.cells(), " | "))
}

// report writes the table and the plots, and counts the rows that miss their goals.
func (l *lab) report() error {
	text := header(time.Since(l.started), l.quick) + table(l.rows)
	if l.out == "" {
		fmt.Print(text)
	} else if err := os.WriteFile(l.out, []byte(text), 0o644); err != nil {
		return err
	}
	if l.plots != "" {
		if err := drawAll(l.plots, l.drawings); err != nil {
			return err
		}
	}
	misses := 0
	for _, r := range l.rows {
		if r.missed() {
			misses++
		}
	}
	fmt.Printf("%d rows, %d miss\n", len(l.rows), misses)
	return nil
}
