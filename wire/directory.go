package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// Messages of the directory: who holds which daemon, decided by compare-and-set
// from one epoch to the next. Every request carries a number that its answer
// repeats; the asker chooses it and uses none twice in a session. Requests may be
// repeated: what they decide is decided once.

// Decision is what a directory has decided about an attempt. The numbers are
// sent and stored: frozen.
type Decision uint8

// The decisions. Undecided is an answer, never a request, and promises nothing:
// a claim may be on its way.
const (
	DecisionNone   Decision = 0
	DecisionCommit Decision = 1 // the target holds the next epoch
	DecisionAbort  Decision = 2 // the attempt will never be committed
)

// String returns "undecided", "commit" or "abort".
func (d Decision) String() string {
	if d > DecisionAbort {
		return "unknown decision"
	}
	return [...]string{"undecided", "commit", "abort"}[d]
}

// DirectoryLookup asks for the entry of a daemon. Answered by DirectoryEntry or
// DirectoryFailed, like all requests but the claim.
type DirectoryLookup struct {
	Request uint64
	Origin  uint64
}

// Type returns TypeDirectoryLookup.
func (*DirectoryLookup) Type() Type { return TypeDirectoryLookup }

func (m *DirectoryLookup) append(dst []byte) []byte {
	return codec.AppendUint64(codec.AppendUint64(dst, m.Request), m.Origin)
}

func (m *DirectoryLookup) parse(c *codec.Cursor) {
	m.Request = c.Uint64() // 8 request
	m.Origin = c.Uint64()  // 8 origin
}

// DirectoryRegister tells of a birth, or of a holder's new addresses.
type DirectoryRegister struct {
	Request uint64
	Genesis crypto.Genesis
	Holder  crypto.NodeID
	Addrs   []string // where the holder can be dialed, best first
}

// Type returns TypeDirectoryRegister.
func (*DirectoryRegister) Type() Type { return TypeDirectoryRegister }

func (m *DirectoryRegister) append(dst []byte) []byte {
	dst = crypto.AppendGenesis(codec.AppendUint64(dst, m.Request), m.Genesis)
	return appendAddrs(append(dst, m.Holder[:]...), m.Addrs)
}

func (m *DirectoryRegister) parse(c *codec.Cursor) {
	m.Request = c.Uint64()      //  8 request
	m.Genesis = parseGenesis(c) // genesis
	m.Holder = parseNode(c)     // 32 holder
	m.Addrs = parseAddrs(c)     // list of addresses
}

// DirectoryClaim asks for a decision about an attempt, answered by
// DirectoryDecided with the one that was made first. The certificate names
// daemon, epoch and attempt.
type DirectoryClaim struct {
	Request   uint64
	Migration MigrationID
	Decision  Decision // commit or abort
	Cert      crypto.FreezeCert
	Hold      crypto.Signature // with commit only: of the target's ReplayComplete for the attempt
	Addrs     []string         // with commit only: where the target can be dialed
}

// Type returns TypeDirectoryClaim.
func (*DirectoryClaim) Type() Type { return TypeDirectoryClaim }

func (m *DirectoryClaim) append(dst []byte) []byte {
	dst = append(codec.AppendUint64(dst, m.Request), m.Migration[:]...)
	dst = crypto.AppendFreezeCert(append(dst, byte(m.Decision)), m.Cert)
	if m.Decision != DecisionCommit {
		return dst
	}
	return appendAddrs(append(dst, m.Hold[:]...), m.Addrs)
}

func (m *DirectoryClaim) parse(c *codec.Cursor) {
	m.Request = c.Uint64()        //  8 request
	c.Fixed(m.Migration[:])       // 16 migration
	m.Decision = parseDecision(c) //  1 decision
	m.Cert = parseCert(c)         // 321 certificate
	switch m.Decision {
	case DecisionNone:
		c.Fail(ErrBadFrame)
	case DecisionCommit:
		c.Fixed(m.Hold[:])      // 64 signature of the hold
		m.Addrs = parseAddrs(c) // list of addresses
	}
}

// DirectoryForce brings the administrator's break-glass handover.
type DirectoryForce struct {
	Request  uint64
	Handover crypto.CausalEvent // of kind EventForced
	Addrs    []string           // where the new holder can be dialed
}

// Type returns TypeDirectoryForce.
func (*DirectoryForce) Type() Type { return TypeDirectoryForce }

func (m *DirectoryForce) append(dst []byte) []byte {
	return appendAddrs(crypto.AppendEvent(codec.AppendUint64(dst, m.Request), m.Handover), m.Addrs)
}

func (m *DirectoryForce) parse(c *codec.Cursor) {
	m.Request = c.Uint64()        // 8 request
	m.Handover = parseHandover(c) // event
	m.Addrs = parseAddrs(c)       // list of addresses
	if c.Err() == nil && m.Handover.Kind != crypto.EventForced {
		c.Fail(ErrBadFrame)
	}
}

// DirectoryOutcome asks what was decided about an attempt, answered by
// DirectoryDecided.
type DirectoryOutcome struct {
	Request uint64
	Origin  uint64
	Attempt Attempt
}

// Type returns TypeDirectoryOutcome.
func (*DirectoryOutcome) Type() Type { return TypeDirectoryOutcome }

func (m *DirectoryOutcome) append(dst []byte) []byte {
	return crypto.AppendAttempt(codec.AppendUint64(codec.AppendUint64(dst, m.Request), m.Origin), m.Attempt)
}

func (m *DirectoryOutcome) parse(c *codec.Cursor) {
	m.Request = c.Uint64()              //  8 request
	m.Origin = c.Uint64()               //  8 origin
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
}

// DirectoryWatch asks for the entry of the first epoch above After, as soon as
// there is one. The asker gives up by forgetting the request.
type DirectoryWatch struct {
	Request uint64
	Origin  uint64
	After   uint64
}

// Type returns TypeDirectoryWatch.
func (*DirectoryWatch) Type() Type { return TypeDirectoryWatch }

func (m *DirectoryWatch) append(dst []byte) []byte {
	dst = codec.AppendUint64(codec.AppendUint64(dst, m.Request), m.Origin)
	return codec.AppendUint64(dst, m.After)
}

func (m *DirectoryWatch) parse(c *codec.Cursor) {
	m.Request = c.Uint64() // 8 request
	m.Origin = c.Uint64()  // 8 origin
	m.After = c.Uint64()   // 8 epoch
}

// parseCert reads a freeze certificate. Like every key, that of the next epoch is not a weak one (rule D5).
func parseCert(c *codec.Cursor) crypto.FreezeCert {
	cert := crypto.DecodeFreezeCert(c)
	checkKey(c, cert.Next)
	return cert
}

// parseGenesis reads a birth record. Neither the entity nor the administrator, if there is one, is a weak key.
func parseGenesis(c *codec.Cursor) crypto.Genesis {
	g := crypto.DecodeGenesis(c)
	checkKey(c, crypto.PublicKey(g.Entity))
	if !g.Administrator.IsZero() {
		checkKey(c, g.Administrator)
	}
	if !printable(g.Kind) {
		c.Fail(ErrBadFrame)
	}
	return g
}
