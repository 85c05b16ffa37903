package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// submitPayload is the payload of a submission in bytes.
const submitPayload = 64

// submitExperiment compares acknowledged events of producers on another node with answered messages over
// bare quic-go.
func submitExperiment(l *lab) (err error) {
	nodes, err := l.pair(wire.DurabilityMemory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nodes.stop()) }()
	programs, err := l.bare(false, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, programs.stop()) }()
	origins, err := nodes.spawn("idle", 1)
	if err != nil {
		return err
	}
	for _, batched := range []bool{false, true} {
		for _, producers := range []int{1, 64} {
			args := SubmitArgs{
				Origin: origins[0], Via: nodes.at[0].ID, Producers: producers, Batched: batched, Payload: submitPayload,
				For: pick(l, 1500*time.Millisecond, 200*time.Millisecond),
			}
			found, err := alternate(pick(l, 7, 3), rateFrom(nodes.nodes[1], "Submit", args), rateFrom(programs.giver, "Echo", args))
			if err != nil {
				return err
			}
			how := map[bool]string{false: "each waiting for its answer", true: "not waiting"}[batched]
			l.add(compare(fmt.Sprintf("submit over QUIC, %s %s", plural(producers, "producer"), how), found[0], found[1], perSecond, reach(0.7)))
		}
	}
	return nil
}

// plural is a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// rateFrom asks a child for a load and returns what it reached.
func rateFrom(c *child, method string, args SubmitArgs) func() (float64, error) {
	return func() (float64, error) {
		var r Rate
		err := c.call(method, args, &r)
		return r.perSecond(), err
	}
}
