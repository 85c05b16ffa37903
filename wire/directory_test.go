package wire

import (
	"fmt"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
)

const certLayout = "cert.form:1 cert.from:32 cert.to:32 cert.epoch:8 " +
	headLayout + "cert.next:32 cert.snapshot:8 cert.previous:32 cert.time:8 " + attemptLayout + "cert.signature:64 "

// goldenCert returns a certificate of every field.
func goldenCert(head crypto.Head) crypto.FreezeCert {
	return crypto.FreezeCert{
		From: crypto.NodeID(run(0x20, 32)), To: crypto.NodeID(run(0x80, 32)), Epoch: 6, Attempt: crypto.Attempt{Epoch: 5, Boot: 7, Count: 2}, Head: head,
		Next: goldenKey(), SnapshotSequence: 3, Previous: crypto.Digest(run(0x10, 32)), Time: time.Unix(0, 0x0a0b0c0d0e0f).UTC(), Signature: crypto.Signature(run(0xc0, 64)),
	}
}

// goldenDirectory returns the frozen messages of the directory.
func goldenDirectory() []vector {
	const origin = 0x0102030405060708
	node, digest := crypto.NodeID(run(0x80, 32)), crypto.Digest(run(0x10, 32))
	head := crypto.Head{Origin: origin, Sequence: 8, Digest: crypto.Digest(run(0x40, 32)), Outputs: crypto.Digest(run(0x60, 32))}
	cert := goldenCert(head)
	genesis := crypto.Genesis{Entity: crypto.EntityID(goldenKey()), Kind: "counter", Signature: crypto.Signature(run(0xc0, 64))}
	addrs, migration := []string{"198.51.100.8:4600"}, MigrationID(run(0xa0, 16))
	forced, attempt := goldenEvent(crypto.EventForced), Attempt{Epoch: 5, Boot: 7, Count: 2}
	return []vector{
		{&DirectoryLookup{9, origin}, "request:8 origin:8"},
		{&DirectoryRegister{9, genesis, node, addrs}, "request:8 entity:32 administrator:32 kind:s signature:64 holder:32 addrs:v addr:s"},
		{&DirectoryClaim{9, migration, DecisionCommit, cert, crypto.Signature(run(0x30, 64)), addrs},
			"request:8 migration:16 decision:1 " + certLayout + "hold:64 addrs:v addr:s"},
		{&DirectoryForce{9, forced, addrs}, "request:8 " + eventLayout + "addrs:v addr:s"},
		{&DirectoryOutcome{9, origin, attempt}, "request:8 origin:8 " + attemptLayout},
		{&DirectoryWatch{9, origin, 5}, "request:8 origin:8 after:8"},
		{&DirectoryEntry{9, genesis.Entity, goldenKey(), digest, 5, node, addrs, goldenKey(), digest, head},
			"request:8 entity:32 administrator:32 genesis:32 epoch:8 holder:32 key:32 previous:32 " + headLayout + "addrs:v addr:s"},
		{&DirectoryDecided{9, attempt, DecisionCommit, migration, cert},
			"request:8 " + attemptLayout + "decision:1 migration:16 " + certLayout},
		{&DirectoryFailed{9, ReasonStaleEpoch, "epoch 7 is in force"}, "request:8 reason:2 detail:s"},
	}
}

// directory draws the messages of the directory.
func (r random) directory(t Type) Message {
	switch t {
	case TypeDirectoryLookup:
		return &DirectoryLookup{r.Uint64(), r.Uint64()}
	case TypeDirectoryRegister:
		g := crypto.Genesis{Entity: crypto.EntityID(r.key()), Kind: r.text(MaxKind), Administrator: r.key(), Signature: r.signature()}
		return &DirectoryRegister{r.Uint64(), g, r.node(), r.addrs()}
	case TypeDirectoryClaim:
		return r.claim()
	case TypeDirectoryForce:
		return &DirectoryForce{r.Uint64(), r.event(crypto.EventForced, crypto.MaxHandoverSize), r.addrs()}
	case TypeDirectoryOutcome:
		return &DirectoryOutcome{r.Uint64(), r.Uint64(), r.attempt()}
	case TypeDirectoryWatch:
		return &DirectoryWatch{r.Uint64(), r.Uint64(), r.Uint64()}
	case TypeDirectoryEntry:
		m := &DirectoryEntry{r.Uint64(), crypto.EntityID(r.key()), crypto.PublicKey{}, crypto.Digest(r.node()), r.Uint64(), r.node(), r.addrs(), r.key(), crypto.Digest(r.node()), r.head()}
		if r.IntN(2) == 1 {
			m.Administrator = r.key()
		}
		return m
	case TypeDirectoryDecided:
		m := &DirectoryDecided{Request: r.Uint64(), Attempt: r.attempt(), Decision: Decision(r.IntN(3))}
		if m.Decision == DecisionCommit {
			m.Migration, m.Cert = r.ref().Migration, r.claim().Cert
		}
		return m
	case TypeDirectoryFailed:
		return &DirectoryFailed{r.Uint64(), r.reason(), r.text(MaxDetail)}
	}
	panic(fmt.Sprintf("no generator for %s", t))
}

func (r random) claim() *DirectoryClaim {
	m := &DirectoryClaim{Request: r.Uint64(), Migration: r.ref().Migration, Decision: Decision(1 + r.IntN(2))}
	m.Cert = crypto.FreezeCert{
		From: r.node(), To: r.node(), Epoch: r.Uint64(), Attempt: r.attempt(), Head: r.head(), Next: r.key(),
		SnapshotSequence: r.Uint64(), Previous: crypto.Digest(r.node()), Time: time.Unix(0, 1+int64(r.duration())>>1).UTC(), Signature: r.signature(),
	}
	if m.Decision == DecisionCommit {
		m.Hold, m.Addrs = r.signature(), r.addrs()
	}
	return m
}

func TestD2_DirectoryRefusesImpossibleValues(t *testing.T) {
	r := newRandom(t)
	undecided, entry := r.claim(), r.directory(TypeDirectoryEntry).(*DirectoryEntry)
	undecided.Decision = DecisionNone
	weakCert := r.claim().Cert
	weakCert.Next = crypto.PublicKey{1}
	unknown, weak, admin := *undecided, *entry, *entry
	unknown.Decision, weak.Key, admin.Administrator = 3, crypto.PublicKey{1}, crypto.PublicKey{1}
	for name, m := range map[string]Message{
		"claim of nothing":       undecided,
		"unknown decision":       &unknown,
		"weak key":               &weak,
		"weak administrator":     &admin,
		"plain handover, forced": &DirectoryForce{Handover: r.handover()},
		"weak key in decision":   &DirectoryDecided{Decision: DecisionCommit, Cert: weakCert},
		"failure without reason": &DirectoryFailed{},
		"control bytes in kind":  &DirectoryRegister{Genesis: crypto.Genesis{Entity: entry.Entity, Kind: "a\nb"}},
	} {
		t.Run(name, func(t *testing.T) { refusal(t, m.Type(), bodyOf(m)) })
	}
}
