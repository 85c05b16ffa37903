package main

import (
	"errors"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// pair is two nodes, each a process, between which daemons move.
type pair struct {
	nodes  [2]*child
	at     [2]Where
	holder int // the node that has the daemon of a test with one daemon
}

// pair starts two nodes that know each other. Durability is that of the daemons born there.
func (l *lab) pair(durability wire.Durability) (*pair, error) {
	p := &pair{}
	for i, name := range []string{"node-a", "node-b"} {
		var err error
		if p.nodes[i], err = l.start("node", name); err != nil {
			return nil, errors.Join(err, p.stop())
		}
		if err := p.nodes[i].call("Open", OpenArgs{name, durability}, &p.at[i]); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	for i := range p.nodes {
		if err := p.nodes[i].call("Learn", p.at[1-i], &None{}); err != nil {
			return nil, errors.Join(err, p.stop())
		}
	}
	return p, nil
}

// stop ends both nodes.
func (p *pair) stop() error {
	var errs []error
	for _, c := range p.nodes {
		if c != nil {
			errs = append(errs, c.stop())
		}
	}
	return errors.Join(errs...)
}

// spawn gives birth to daemons on the node that holds.
func (p *pair) spawn(kind string, count int) (origins []uint64, err error) {
	return origins, p.nodes[p.holder].call("Spawn", SpawnArgs{kind, count}, &origins)
}

// move moves a daemon to the other node.
func (p *pair) move(origin uint64, maxBlackout time.Duration) (s wire.Stats, err error) {
	err = p.nodes[p.holder].call("Migrate", MigrateArgs{origin, p.at[1-p.holder].ID, maxBlackout}, &s)
	if err == nil {
		p.holder = 1 - p.holder
	}
	return s, err
}

// fresh begins new peaks of memory in both nodes.
func (p *pair) fresh() error {
	return errors.Join(p.nodes[0].call("Fresh", None{}, &None{}), p.nodes[1].call("Fresh", None{}, &None{}))
}

// bare is two processes with a quic-go connection between them.
type bare struct{ giver, taker *child }

// bare starts the two, over the address that via makes of the taker's; nil for the address itself.
func (l *lab) bare(durable bool, via func(string) (string, error)) (*bare, error) {
	b := &bare{}
	var err error
	if b.taker, err = l.start("bare", "bare-taker"); err != nil {
		return nil, err
	}
	if b.giver, err = l.start("bare", "bare-giver"); err != nil {
		return nil, errors.Join(err, b.taker.stop())
	}
	var addr string
	if err := b.taker.call("Listen", ListenArgs{durable}, &addr); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	if via != nil {
		if addr, err = via(addr); err != nil {
			return nil, errors.Join(err, b.stop())
		}
	}
	if err := b.giver.call("Dial", DialArgs{addr, durable}, &None{}); err != nil {
		return nil, errors.Join(err, b.stop())
	}
	return b, nil
}

// stop ends both.
func (b *bare) stop() error { return errors.Join(b.giver.stop(), b.taker.stop()) }

// exchange does one bare exchange and returns its nanoseconds.
func (b *bare) exchange(count int) (took []float64, err error) {
	return took, b.giver.call("Exchange", ExchangeArgs{count}, &took)
}

// bulk sends bytes and returns how long that took.
func (b *bare) bulk(a BulkArgs) (took time.Duration, err error) {
	return took, b.giver.call("Bulk", a, &took)
}
