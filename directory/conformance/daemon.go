package conformance

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/directory"
	"github.com/ferrymesh/ferry/wire"
)

// Daemon makes the evidence of a daemon's travels. Everything follows from its
// number.
type Daemon struct {
	t        testing.TB
	number   uint64
	count    uint64
	Genesis  crypto.Genesis
	Admin    *crypto.EntityKeypair // its administrator, nil for none
	Passport crypto.Passport       // through the last handover that was Followed
}

// NewDaemon returns a daemon just born on node 0, with an administrator.
func NewDaemon(t testing.TB, number uint64) *Daemon {
	d := &Daemon{t: t, number: number}
	d.Admin = d.keypair("administrator", 0)
	return d.born(d.Admin.Public())
}

// NewOrphan returns one without an administrator.
func NewOrphan(t testing.TB, number uint64) *Daemon {
	return (&Daemon{t: t, number: number}).born(crypto.PublicKey{})
}

func (d *Daemon) born(admin crypto.PublicKey) *Daemon {
	var err error
	d.Genesis, err = crypto.SignGenesis(d.Key(1), "conformance", admin)
	d.must(err)
	d.Passport = crypto.NewPassport(d.Genesis)
	return d
}

func (d *Daemon) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *Daemon) keypair(use string, n uint64) *crypto.EntityKeypair {
	seed := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(use), d.number<<32|n))
	key, err := crypto.KeypairFromSeed(seed)
	d.must(err)
	return key
}

// Key returns the key of an epoch.
func (d *Daemon) Key(epoch uint64) *crypto.EntityKeypair { return d.keypair("epoch", epoch) }

// Node returns the id of a node.
func Node(n int) crypto.NodeID {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("node"), uint64(n)))
}

// Addrs returns where a node can be dialed.
func Addrs(n int) []string { return []string{"node-" + string(rune('a'+n)) + ":4600"} }

// Origin returns the daemon's.
func (d *Daemon) Origin() uint64 { return d.Genesis.Head().Origin }

// Epoch returns the current one.
func (d *Daemon) Epoch() uint64 { return d.Passport.Epoch() }

// Birth returns the birth on node 0.
func (d *Daemon) Birth() directory.Birth {
	return directory.Birth{Genesis: d.Genesis, Holder: Node(0), Addrs: Addrs(0)}
}

// holder returns who holds the daemon.
func (d *Daemon) holder() crypto.NodeID {
	if node, ok := d.Passport.Holder(); ok {
		return node
	}
	return Node(0)
}

// head returns a head that the log may have in the current epoch.
func (d *Daemon) head() crypto.Head {
	h := d.Genesis.Head()
	if n := len(d.Passport.Handovers); n > 0 {
		last := d.Passport.Handovers[n-1]
		h = last.Head.Append(last.Event(), nil)
	}
	next, _ := h.Next()
	return h.Append(crypto.CausalEvent{Link: next, Kind: crypto.EventInput, ProducerSeq: 1}, nil)
}

// handover returns the handover to a node as it would be now.
func (d *Daemon) handover(to int) crypto.Handover {
	epoch := d.Epoch() + 1
	return crypto.Handover{
		From: d.holder(), To: Node(to), Epoch: epoch, Head: d.head(), Next: d.Key(epoch).Public(), Previous: d.Passport.Previous(),
	}
}

// Cert returns the certificate for a new attempt to move to a node. Change, if not
// nil, alters it before it is signed.
func (d *Daemon) Cert(to int, change func(*crypto.FreezeCert)) crypto.FreezeCert {
	d.count++
	h := d.handover(to)
	cert := crypto.FreezeCert{
		From: h.From, To: h.To, Epoch: h.Epoch, Attempt: crypto.Attempt{Epoch: h.Epoch - 1, Boot: 1, Count: d.count},
		Head: h.Head, Next: h.Next, Previous: h.Previous,
	}
	if change != nil {
		change(&cert)
	}
	cert, err := crypto.SignFreezeCert(d.Key(h.Epoch-1), cert)
	d.must(err)
	return cert
}

// Commit returns a claim for COMMIT of a certificate.
func (d *Daemon) Commit(to int, cert crypto.FreezeCert) directory.Claim {
	id := wire.MigrationID{byte(d.number), byte(cert.Attempt.Count)}
	return directory.Claim{
		Migration: id, Decision: wire.DecisionCommit, Cert: cert, Hold: d.Hold(d.Key(cert.Epoch), id, cert), Addrs: Addrs(to),
	}
}

// Hold signs with a key that its owner holds what a certificate says.
func (d *Daemon) Hold(key *crypto.EntityKeypair, id wire.MigrationID, cert crypto.FreezeCert) crypto.Signature {
	msg := wire.ReplayComplete{
		Ref:     wire.Ref{Migration: id, Origin: cert.Head.Origin, Epoch: cert.Attempt.Epoch},
		Attempt: wire.Attempt(cert.Attempt), Head: cert.Head,
	}
	d.must(msg.Sign(key))
	return msg.Signature
}

// Move returns a claim for COMMIT of a new attempt.
func (d *Daemon) Move(to int) directory.Claim { return d.Commit(to, d.Cert(to, nil)) }

// Abort returns the claim for ABORT of the same attempt.
func Abort(c directory.Claim) directory.Claim {
	c.Decision, c.Hold, c.Addrs = wire.DecisionAbort, crypto.Signature{}, nil
	return c
}

// Forced returns the administrator's handover to a node, signed by a key.
func (d *Daemon) Forced(to int, key *crypto.EntityKeypair) directory.Forced {
	h := d.handover(to)
	h.Forced = true
	event, _, err := crypto.SignHandover(key, h)
	d.must(err)
	return directory.Forced{Handover: event, Addrs: Addrs(to)}
}

// Accept appends the handover of a committed certificate to the passport, as a target does.
func (d *Daemon) Accept(cert crypto.FreezeCert) {
	d.t.Helper()
	event, _, err := crypto.Accept(d.Key(cert.Epoch), cert)
	d.must(err)
	d.Follow(event)
}

// Follow appends a handover to the passport, as a node does that acts on it.
func (d *Daemon) Follow(event crypto.CausalEvent) {
	d.t.Helper()
	signer := d.Passport.Key()
	if event.Kind == crypto.EventForced {
		signer = d.Genesis.Administrator
	}
	h, err := crypto.ParseHandover(event, signer)
	d.must(err)
	d.Passport, err = d.Passport.Append(h)
	d.must(err)
}
