package wire

import (
	"encoding/hex"
	"fmt"
)

// MigrationID identifies one migration. The orchestrator draws it at random; a
// retry of the same migration keeps it. The zero value is an id like any other.
type MigrationID [16]byte

// ParseMigrationID reads the 32 hexadecimal digits that String prints.
func ParseMigrationID(s string) (id MigrationID, err error) {
	if len(s) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("wire: migration id of %d digits, want %d", len(s), hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return MigrationID{}, fmt.Errorf("wire: migration id: %w", err)
	}
	return id, nil
}

// IsZero reports whether all bytes are zero.
func (id MigrationID) IsZero() bool { return id == MigrationID{} }

// String returns the id in hexadecimal.
func (id MigrationID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight digits, for people and logs.
func (id MigrationID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText returns what String does.
func (id MigrationID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *MigrationID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseMigrationID(string(text))
	return err
}
