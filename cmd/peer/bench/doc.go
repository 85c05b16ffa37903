// Package bench measures nodes that run already: it starts daemons of its own at one of them, feeds them at a
// steady rate, moves them to the others and back, and takes them away again.
//
//	Flags, Options       what is asked for, and the check of it
//	Condition            one --fail-if: a figure, a comparison and a limit
//	figures, Report      histograms while it runs, and what is left of them
//	run                  the order: look around, start, feed, move, come home, check, remove
//
// Only run and what it calls talk to nodes. The rest are values with functions.
package bench
