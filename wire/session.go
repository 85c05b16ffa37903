package wire

import "github.com/ferrymesh/ferry/codec"

// VersionRange announces the versions, both inclusive, that a node speaks of one
// subprotocol.
type VersionRange struct {
	Subprotocol Subprotocol
	Min, Max    uint16
}

// Common returns the highest version in both ranges (rule D7).
func (r VersionRange) Common(other VersionRange) (version uint16, ok bool) {
	version = min(r.Max, other.Max)
	return version, version >= max(r.Min, other.Min) && r.Subprotocol == other.Subprotocol
}

// Hello opens a session, in both directions (protocol.md §3.2.1).
type Hello struct {
	Versions []VersionRange // strictly ascending by subprotocol
	Boot     uint64         // the sender's durable boot counter
	Name     string         // what the sender calls itself, for people
	Addrs    []string       // where the sender can be dialed, best first
}

// Type returns TypeHello.
func (*Hello) Type() Type { return TypeHello }

func (m *Hello) append(dst []byte) []byte {
	dst = codec.AppendUvarint(dst, uint64(len(m.Versions)))
	for _, v := range m.Versions {
		dst = append(dst, byte(v.Subprotocol))
		dst = codec.AppendUint16(dst, v.Min)
		dst = codec.AppendUint16(dst, v.Max)
	}
	dst = codec.AppendUint64(dst, m.Boot)
	dst = codec.AppendString(dst, m.Name)
	return appendAddrs(dst, m.Addrs)
}

func (m *Hello) parse(c *codec.Cursor) {
	m.Versions = parseVersions(c)  // list of versions
	m.Boot = c.Uint64()            // 8 boot counter
	m.Name = parseText(c, MaxName) // name
	m.Addrs = parseAddrs(c)        // list of addresses
}

// parseVersions reads version ranges. Their order is fixed, and so each set of
// versions has one encoding.
func parseVersions(c *codec.Cursor) []VersionRange {
	n := c.Count(MaxVersions, versionLen) // uvarint count
	if n == 0 {
		return nil
	}
	versions := make([]VersionRange, n)
	for i := range versions {
		v := &versions[i]
		v.Subprotocol = Subprotocol(c.Uint8()) // 1 subprotocol
		v.Min = c.Uint16()                     // 2 lowest version
		v.Max = c.Uint16()                     // 2 highest version
		if v.Min > v.Max || i > 0 && v.Subprotocol <= versions[i-1].Subprotocol {
			c.Fail(ErrBadFrame)
		}
	}
	return versions
}

// SessionError answers a frame that could not be read or may not be sent, where
// no more exact answer exists (protocol.md §3.2.2). It is never answered itself.
type SessionError struct {
	Subject   Type        // the frame complained about; number 0 means its whole subprotocol
	Origin    uint64      // the daemon concerned, 0 if none
	Migration MigrationID // the migration concerned, zero if none
	Reason    Reason
	Detail    string
}

// Type returns TypeSessionError.
func (*SessionError) Type() Type { return TypeSessionError }

// Err returns the failure as an error that matches the error of its reason.
func (m *SessionError) Err() error { return &RemoteError{m.Reason, m.Detail} }

func (m *SessionError) append(dst []byte) []byte {
	dst = codec.AppendUint16(dst, uint16(m.Subject))
	dst = codec.AppendUint64(dst, m.Origin)
	dst = append(dst, m.Migration[:]...)
	dst = codec.AppendUint16(dst, uint16(m.Reason))
	return appendDetail(dst, m.Detail)
}

func (m *SessionError) parse(c *codec.Cursor) {
	m.Subject = Type(c.Uint16())       //  2 subprotocol and type
	m.Origin = c.Uint64()              //  8 origin
	c.Fixed(m.Migration[:])            // 16 migration
	m.Reason = parseReason(c)          //  2 reason
	m.Detail = parseText(c, MaxDetail) // detail
}
