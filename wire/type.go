package wire

import "fmt"

// Subprotocol says which conversation a frame belongs to. Ids are append-only:
// a number is never given another meaning.
type Subprotocol uint8

// The subprotocols of this version.
const (
	SubSession    Subprotocol = 1 // greeting, versions, errors of a session
	SubMigration  Subprotocol = 2 // moving a daemon
	SubSubmission Subprotocol = 3 // feeding a daemon, wherever it is
	SubDirectory  Subprotocol = 4 // who holds a daemon, for nodes that keep a directory
)

// String returns the name of the subprotocol, or its number.
func (s Subprotocol) String() string {
	switch s {
	case SubSession:
		return "session"
	case SubMigration:
		return "migration"
	case SubSubmission:
		return "submission"
	case SubDirectory:
		return "directory"
	}
	return fmt.Sprintf("subprotocol %d", uint8(s))
}

// Known reports whether this version speaks the subprotocol. Frames of any
// other are skipped whole (protocol.md §3.1.4).
func (s Subprotocol) Known() bool {
	return s >= SubSession && s <= SubDirectory
}

// Type identifies a message: the subprotocol in the high byte, the number of
// the message within it in the low byte. It is what a frame header begins with.
type Type uint16

// The message types. They are append-only, and a test freezes them.
const (
	TypeHello        Type = 0x0101
	TypeSessionError Type = 0x0102

	TypeTakeSnapshot    Type = 0x0201
	TypePrepare         Type = 0x0202
	TypePrepareOK       Type = 0x0203
	TypeSnapshotReady   Type = 0x0204
	TypeBufferedEvents  Type = 0x0205
	TypeRestoreComplete Type = 0x0206
	TypeProgress        Type = 0x0207
	TypeCutoverNotify   Type = 0x0208
	TypeFinal           Type = 0x0209
	TypeAborted         Type = 0x020a
	TypeReplayComplete  Type = 0x020b
	TypeActivateTarget  Type = 0x020c
	TypeActivateAck     Type = 0x020d
	TypeCleanupComplete Type = 0x020e
	TypeStatus          Type = 0x020f
	TypeCancel          Type = 0x0210
	TypeAsk             Type = 0x0211
	TypeAnswer          Type = 0x0212
	TypeMigrationFailed Type = 0x0213
	TypePromised        Type = 0x0214
	TypeResume          Type = 0x0215
	TypeResumeAt        Type = 0x0216

	TypeOpen      Type = 0x0301
	TypeOpened    Type = 0x0302
	TypeSubmit    Type = 0x0303
	TypeReceipts  Type = 0x0304
	TypeRefused   Type = 0x0305
	TypeMoved     Type = 0x0306
	TypeForward   Type = 0x0307
	TypeForwarded Type = 0x0308

	TypeDirectoryLookup   Type = 0x0401
	TypeDirectoryRegister Type = 0x0402
	TypeDirectoryClaim    Type = 0x0403
	TypeDirectoryForce    Type = 0x0404
	TypeDirectoryOutcome  Type = 0x0405
	TypeDirectoryWatch    Type = 0x0406
	TypeDirectoryEntry    Type = 0x0407
	TypeDirectoryDecided  Type = 0x0408
	TypeDirectoryFailed   Type = 0x0409
)

// MakeType joins a subprotocol and a number within it.
func MakeType(s Subprotocol, number uint8) Type {
	return Type(s)<<8 | Type(number)
}

// Subprotocol returns the subprotocol that the type belongs to.
func (t Type) Subprotocol() Subprotocol { return Subprotocol(t >> 8) }

// Number returns the number of the type within its subprotocol.
func (t Type) Number() uint8 { return uint8(t) }

// Known reports whether this version has a message of this type.
func (t Type) Known() bool {
	_, ok := t.entry()
	return ok
}

// MaxBody returns the largest body, in bytes, that a frame of this type may
// have. Frames of unknown type are bounded by MaxFrame, so that they can be
// skipped.
func (t Type) MaxBody() int {
	if e, ok := t.entry(); ok {
		return e.max
	}
	return MaxFrame
}

// String returns the name of the message, or its numbers.
func (t Type) String() string {
	if e, ok := t.entry(); ok {
		return e.name
	}
	return fmt.Sprintf("%s type 0x%02x", t.Subprotocol(), t.Number())
}

// Types returns every type of this version in ascending order.
func Types() []Type {
	var all []Type
	for sub, entries := range catalog {
		for number := range entries {
			if t := MakeType(Subprotocol(sub), uint8(number)); t.Known() {
				all = append(all, t)
			}
		}
	}
	return all
}

// entry looks the type up in the catalog.
func (t Type) entry() (entry, bool) {
	sub, number := int(t.Subprotocol()), int(t.Number())
	if sub >= len(catalog) || number >= len(catalog[sub]) {
		return entry{}, false
	}
	e := catalog[sub][number]
	return e, e.make != nil
}
