package wire

import (
	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// TakeSnapshot asks a source to move a daemon (protocol.md §3.3.1).
type TakeSnapshot struct {
	Ref
	Target  crypto.NodeID // where the daemon is to go
	Addrs   []string      // where the target can be dialed, best first
	Options Options
}

// Type returns TypeTakeSnapshot.
func (*TakeSnapshot) Type() Type { return TypeTakeSnapshot }

func (m *TakeSnapshot) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = append(dst, m.Target[:]...)
	dst = appendAddrs(dst, m.Addrs)
	return m.Options.append(dst)
}

func (m *TakeSnapshot) parse(c *codec.Cursor) {
	m.Ref.parse(c)          // 32 ref
	m.Target = parseNode(c) // 32 target
	m.Addrs = parseAddrs(c) // list of addresses
	m.Options.parse(c)      // 32 options
}

// Prepare asks a target whether it will take a daemon, before a byte of state
// moves (protocol.md §3.3.2).
type Prepare struct {
	Ref
	Entity       crypto.EntityID
	Kind         string        // which factory builds the daemon
	Name         string        // what people call the daemon
	Orchestrator crypto.NodeID // who asked for the migration
	Through      uint64        // the last sequence that the snapshot will cover, as known now
	Size         uint64        // bytes of snapshot, a hint; 0 is unknown
	StopAndCopy  bool          // the daemon will be frozen for the whole transfer
	Durability   Durability    // what the daemon's acknowledgments promise, here and there
	Directory    bool          // a directory decides whether the daemon moves, not the source
}

// Type returns TypePrepare.
func (*Prepare) Type() Type { return TypePrepare }

func (m *Prepare) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = append(dst, m.Entity[:]...)
	dst = codec.AppendString(dst, m.Kind)
	dst = codec.AppendString(dst, m.Name)
	dst = append(dst, m.Orchestrator[:]...)
	dst = codec.AppendUint64(dst, m.Through)
	dst = codec.AppendUint64(dst, m.Size)
	dst = codec.AppendBool(dst, m.StopAndCopy)
	return codec.AppendBool(append(dst, byte(m.Durability)), m.Directory)
}

func (m *Prepare) parse(c *codec.Cursor) {
	m.Ref.parse(c)                    // 32 ref
	m.Entity = parseEntity(c)         // 32 entity
	m.Kind = parseText(c, MaxKind)    // kind
	m.Name = parseText(c, MaxName)    // name
	m.Orchestrator = parseNode(c)     // 32 orchestrator
	m.Through = c.Uint64()            //  8 through
	m.Size = c.Uint64()               //  8 size hint
	m.StopAndCopy = c.Bool()          //  1 stop and copy
	m.Durability = parseDurability(c) // 1 durability
	m.Directory = c.Bool()            // 1 directory
}

// PrepareOK accepts a daemon (protocol.md §3.3.3). Next is the public half of
// the key that the target made for its epoch; the handover will certify it. The
// credits say how much the target holds before it has restored.
type PrepareOK struct {
	Ref
	Next         crypto.PublicKey
	CreditEvents uint64 // events
	CreditBytes  uint64 // bytes of payload
}

// Type returns TypePrepareOK.
func (*PrepareOK) Type() Type { return TypePrepareOK }

func (m *PrepareOK) append(dst []byte) []byte {
	dst = m.Ref.append(dst)
	dst = append(dst, m.Next[:]...)
	dst = codec.AppendUint64(dst, m.CreditEvents)
	return codec.AppendUint64(dst, m.CreditBytes)
}

func (m *PrepareOK) parse(c *codec.Cursor) {
	m.Ref.parse(c)              // 32 ref
	m.Next = parseKey(c)        // 32 public key of the next epoch
	m.CreditEvents = c.Uint64() //  8 events
	m.CreditBytes = c.Uint64()  //  8 bytes
}

// parseKey reads a public key. A weak one never gets past here (rule D5).
func parseKey(c *codec.Cursor) (key crypto.PublicKey) {
	c.Fixed(key[:])
	checkKey(c, key)
	return key
}

// parseEntity reads an entity, which is the public key that a daemon was born with.
func parseEntity(c *codec.Cursor) crypto.EntityID { return crypto.EntityID(parseKey(c)) }

// checkKey refuses a weak key that has been read.
func checkKey(c *codec.Cursor, key crypto.PublicKey) {
	if c.Err() == nil {
		c.Fail(key.Check())
	}
}
