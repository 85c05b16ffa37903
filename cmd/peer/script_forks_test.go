package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ferrymesh/ferry/crypto"
)

// forks writes passports of one daemon, which was handed to as many nodes at once.
func forks(ts *testscript.TestScript, _ bool, args []string) {
	key, err := crypto.GenerateEntityKeypair()
	ts.Check(err)
	birth, err := crypto.SignGenesis(key, "kv", crypto.PublicKey{})
	ts.Check(err)
	passport := crypto.NewPassport(birth)
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), crypto.AppendPassport(nil, handedOver(ts, key, passport)), 0o644))
	}
}

// administered writes the passport of a daemon whose birth names an administrator, and sets $NAME to the fingerprint of that key.
func administered(ts *testscript.TestScript, _ bool, args []string) {
	key, err := crypto.GenerateEntityKeypair()
	ts.Check(err)
	administrator, err := crypto.GenerateEntityKeypair()
	ts.Check(err)
	birth, err := crypto.SignGenesis(key, "kv", administrator.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), crypto.AppendPassport(nil, crypto.NewPassport(birth)), 0o644))
	ts.Setenv(args[0], crypto.NodeID(administrator.Public()).String())
}

// handedOver is the passport after a handover to a node made for the purpose.
func handedOver(ts *testscript.TestScript, key *crypto.EntityKeypair, p crypto.Passport) crypto.Passport {
	next, err := crypto.GenerateEntityKeypair()
	ts.Check(err)
	from, err := crypto.GenerateNodeKeypair()
	ts.Check(err)
	to, err := crypto.GenerateNodeKeypair()
	ts.Check(err)
	_, h, err := crypto.SignHandover(key, crypto.Handover{
		From: from.ID(), To: to.ID(), Epoch: 2, Head: p.Genesis.Head(), Next: next.Public(), Previous: p.Previous(),
	})
	ts.Check(err)
	p, err = p.Append(h)
	ts.Check(err)
	return p
}
