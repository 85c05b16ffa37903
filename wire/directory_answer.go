package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// DirectoryEntry says who holds a daemon, and what the next claim is verified
// against.
type DirectoryEntry struct {
	Request       uint64
	Entity        crypto.EntityID
	Administrator crypto.PublicKey // zero for none
	Genesis       crypto.Digest
	Epoch         uint64
	Holder        crypto.NodeID
	Addrs         []string
	Key           crypto.PublicKey // of the epoch
	Previous      crypto.Digest    // of the handover that opened the epoch, or of the genesis
	Began         crypto.Head      // the head that the epoch began with
}

// Type returns TypeDirectoryEntry.
func (*DirectoryEntry) Type() Type { return TypeDirectoryEntry }

func (m *DirectoryEntry) append(dst []byte) []byte {
	dst = append(codec.AppendUint64(dst, m.Request), m.Entity[:]...)
	dst = append(append(dst, m.Administrator[:]...), m.Genesis[:]...)
	dst = append(codec.AppendUint64(dst, m.Epoch), m.Holder[:]...)
	dst = append(append(dst, m.Key[:]...), m.Previous[:]...)
	return appendAddrs(crypto.AppendHead(dst, m.Began), m.Addrs)
}

func (m *DirectoryEntry) parse(c *codec.Cursor) {
	m.Request = c.Uint64()      //  8 request
	m.Entity = parseEntity(c)   // 32 entity
	c.Fixed(m.Administrator[:]) // 32 administrator's key, or zero
	if !m.Administrator.IsZero() {
		checkKey(c, m.Administrator)
	}
	c.Fixed(m.Genesis[:])          // 32 digest of the genesis
	m.Epoch = c.Uint64()           //  8 epoch
	m.Holder = parseNode(c)        // 32 holder
	m.Key = parseKey(c)            // 32 key of the epoch
	c.Fixed(m.Previous[:])         // 32 digest of the last handover
	m.Began = crypto.DecodeHead(c) // 80 head
	m.Addrs = parseAddrs(c)        // list of addresses
}

// DirectoryDecided answers a claim, or a question for an outcome. With commit it
// carries the certificate, from which the target makes the log entry that both nodes append.
type DirectoryDecided struct {
	Request   uint64
	Attempt   Attempt
	Decision  Decision
	Migration MigrationID       // with commit only: of the claim that was first
	Cert      crypto.FreezeCert // with commit only
}

// Type returns TypeDirectoryDecided.
func (*DirectoryDecided) Type() Type { return TypeDirectoryDecided }

func (m *DirectoryDecided) append(dst []byte) []byte {
	dst = append(crypto.AppendAttempt(codec.AppendUint64(dst, m.Request), m.Attempt), byte(m.Decision))
	if m.Decision != DecisionCommit {
		return dst
	}
	return crypto.AppendFreezeCert(append(dst, m.Migration[:]...), m.Cert)
}

func (m *DirectoryDecided) parse(c *codec.Cursor) {
	m.Request = c.Uint64()              //  8 request
	m.Attempt = crypto.DecodeAttempt(c) // 24 attempt
	m.Decision = parseDecision(c)       //  1 decision
	if m.Decision == DecisionCommit {
		c.Fixed(m.Migration[:]) // 16 migration
		m.Cert = parseCert(c)   // 321 certificate
	}
}

// DirectoryFailed answers any request that had no other answer. Nothing was
// decided by it, unless the reason says that this is not known.
type DirectoryFailed struct {
	Request uint64
	Reason  Reason
	Detail  string
}

// Type returns TypeDirectoryFailed.
func (*DirectoryFailed) Type() Type { return TypeDirectoryFailed }

// Err returns the failure as an error that matches the error of its reason.
func (m *DirectoryFailed) Err() error { return &RemoteError{m.Reason, m.Detail} }

func (m *DirectoryFailed) append(dst []byte) []byte {
	dst = codec.AppendUint16(codec.AppendUint64(dst, m.Request), uint16(m.Reason))
	return appendDetail(dst, m.Detail)
}

func (m *DirectoryFailed) parse(c *codec.Cursor) {
	m.Request = c.Uint64()             // 8 request
	m.Reason = parseReason(c)          // 2 reason
	m.Detail = parseText(c, MaxDetail) // detail
}

func parseDecision(c *codec.Cursor) Decision {
	d := Decision(c.Uint8())
	if d > DecisionAbort {
		c.Fail(ErrBadFrame)
	}
	return d
}
