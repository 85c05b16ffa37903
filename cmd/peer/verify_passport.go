package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// passportFile is a passport that has been verified.
type passportFile struct {
	name     string
	passport crypto.Passport
}

// proofCheck is what was found about one passport, or about evidence that does not hold.
type proofCheck struct {
	File      string     `json:"file"`
	OK        bool       `json:"ok"`
	Evidence  bool       `json:"evidence,omitempty"` // it is no passport, but what should prove a fork
	Error     string     `json:"error,omitempty"`
	Entity    string     `json:"entity,omitempty"`
	BirthKey  string     `json:"birth_key,omitempty"` // fingerprint
	Kind      string     `json:"kind,omitempty"`
	Admin     string     `json:"administrator,omitempty"` // fingerprint of the key that may force the daemon to any node
	Epoch     uint64     `json:"epoch,omitempty"`
	Nodes     []string   `json:"nodes,omitempty"` // fingerprints of the holders, in order
	Forced    int        `json:"forced,omitempty"`
	Decided   int        `json:"decided,omitempty"`  // by a directory
	Sequence  uint64     `json:"sequence,omitempty"` // of the last certified head
	Head      string     `json:"head,omitempty"`
	Handovers []hopCheck `json:"handovers,omitempty"`
}

// hopCheck is one handover.
type hopCheck struct {
	Epoch    uint64    `json:"epoch"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Sequence uint64    `json:"sequence"`
	Head     string    `json:"head"`
	Time     time.Time `json:"time,omitzero"`
	Forced   bool      `json:"forced,omitempty"`
	Decided  bool      `json:"decided,omitempty"`
}

// checkProof verifies one passport.
func checkProof(name string, data []byte, want *crypto.EntityID) (proofCheck, crypto.Passport) {
	p, err := crypto.ParsePassport(data)
	if err == nil {
		err = p.Verify()
	}
	if err != nil {
		return proofCheck{File: name, Error: why(err)}, p
	}
	c := describePassport(name, p)
	if want != nil && p.Entity != *want {
		c.Error = fmt.Sprintf("it is the passport of %s, not of %s", p.Entity, *want)
		return c, p
	}
	c.OK = true
	return c, p
}

// why is the cause of a verification that failed, for people.
func why(err error) string {
	var item *crypto.PassportError
	if errors.As(err, &item) {
		return fmt.Sprintf("the item that opens epoch %d: %s", item.Epoch, client.Plain(item.Err.Error()))
	}
	return client.Plain(err.Error())
}

// describePassport lists the holders from the first handover on; where a daemon was born no passport says.
func describePassport(name string, p crypto.Passport) proofCheck {
	c := proofCheck{
		File: name, Entity: p.Entity.String(), BirthKey: crypto.NodeID(p.Entity).String(), Kind: p.Genesis.Kind, Epoch: p.Epoch(),
	}
	if admin := p.Genesis.Administrator; !admin.IsZero() {
		c.Admin = crypto.NodeID(admin).String()
	}
	for i, h := range p.Handovers {
		if i == 0 {
			c.Nodes = append(c.Nodes, h.From.String())
		}
		c.Nodes = append(c.Nodes, h.To.String())
		if h.Forced {
			c.Forced++
		}
		if h.Decided {
			c.Decided++
		}
		c.Sequence, c.Head = h.Head.Sequence, h.Head.Digest.String()
		c.Handovers = append(c.Handovers, hopCheck{h.Epoch, h.From.String(), h.To.String(), h.Head.Sequence, h.Head.Digest.String(), h.Time, h.Forced, h.Decided})
	}
	return c
}

// write says what was checked and not only that it was.
func (c proofCheck) write(w io.Writer) {
	if !c.OK {
		fmt.Fprintf(w, "[BAD] %s: %s\n", c.File, printable(c.Error))
		return
	}
	fmt.Fprintf(w, "[OK] %s: %s, epochs 1..%d, %s\n", c.File, count(len(c.Handovers), "handover"), c.Epoch, route(c.Nodes))
	fmt.Fprintf(w, "[OK] every signature certified back to the birth key %s of a daemon of kind %s", c.BirthKey, printable(c.Kind))
	if len(c.Handovers) > 0 {
		fmt.Fprintf(w, ", last certified head %s %s", number(c.Sequence), shortID(c.Head))
	}
	fmt.Fprintln(w)
	if c.Admin != "" {
		fmt.Fprintf(w, "[NOTE] the administrator's key %s may hand the daemon to any node, without its holder\n", c.Admin)
	}
	if c.Decided > 0 {
		fmt.Fprintf(w, "[OK] %s decided by a directory, with the signature of the node that accepted\n", count(c.Decided, "handover"))
	}
	if c.Forced > 0 {
		fmt.Fprintf(w, "[NOTE] %s forced by the administrator's key\n", count(c.Forced, "handover"))
	}
}

// maxRoute is how many nodes of a long journey are printed.
const maxRoute = 12

// route is the journey: short fingerprints, joined by arrows.
func route(nodes []string) string {
	if len(nodes) == 0 {
		return "never moved"
	}
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(" > ")
		}
		if skip := len(nodes) - maxRoute; skip > 0 && i == maxRoute/2 {
			fmt.Fprintf(&b, "(%d more) > ", skip)
		}
		if i < maxRoute/2 || i >= len(nodes)-maxRoute/2 {
			b.WriteString(shortKey(n))
		}
	}
	return b.String()
}

// shortKey is the start of a fingerprint.
func shortKey(fingerprint string) string {
	return fingerprint[:min(len(fingerprint), len("SHA256:")+8)]
}
