package crypto

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// This is the only file of the package that touches a file system. Everything
// in it exists on bytes as well: MarshalNodeKey, ParseNodeKey and the same for
// entity keys.

// MarshalNodeKey returns the text of a key file. Errors: ErrCannotSign once
// wiped, ErrKeyFile for an unprintable comment or one above MaxComment.
func MarshalNodeKey(k *NodeKeypair, comment string) ([]byte, error) {
	return marshalSecret(k.secret, comment)
}

// ParseNodeKey reads the text of a key file, as written by MarshalNodeKey or by
// "ssh-keygen -t ed25519" without a passphrase. Errors: ErrKeyFile,
// ErrKeyEncrypted, ErrWeakKey.
func ParseNodeKey(text []byte) (k *NodeKeypair, comment string, err error) {
	seed, comment, err := parseKeyText(text)
	if err != nil {
		return nil, "", err
	}
	defer clear(seed[:])
	k, err = NodeKeypairFromSeed(seed)
	return k, comment, err
}

// MarshalEntityKey is MarshalNodeKey for an entity's or administrator's key.
func MarshalEntityKey(k *EntityKeypair, comment string) ([]byte, error) {
	return marshalSecret(k.secret, comment)
}

// ParseEntityKey is ParseNodeKey for an entity's or administrator's key.
func ParseEntityKey(text []byte) (k *EntityKeypair, comment string, err error) {
	seed, comment, err := parseKeyText(text)
	if err != nil {
		return nil, "", err
	}
	defer clear(seed[:])
	k, err = KeypairFromSeed(seed)
	return k, comment, err
}

// marshalSecret is both Marshal functions.
func marshalSecret(s *secret, comment string) ([]byte, error) {
	seed, err := s.seed()
	if err != nil {
		return nil, err
	}
	defer clear(seed[:])
	return marshalKey(seed, comment)
}

// LoadNodeKey reads a node's key file. Besides what ParseNodeKey returns it
// reports ErrKeyExposed if others than the owner have any access to the file,
// and the errors of opening and reading it.
func LoadNodeKey(path string) (k *NodeKeypair, comment string, err error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, "", err
	}
	defer clear(text)
	if k, comment, err = ParseNodeKey(text); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return k, comment, nil
}

// CreateNodeKey generates a key and writes it as SaveNodeKey does.
func CreateNodeKey(path, comment string) (*NodeKeypair, error) {
	k, err := GenerateNodeKeypair()
	if err != nil {
		return nil, err
	}
	return k, SaveNodeKey(path, k, comment)
}

// SaveNodeKey writes a new key file, readable by its owner only, and returns
// when it is on disk. A file that exists is never overwritten: that is
// fs.ErrExist.
func SaveNodeKey(path string, k *NodeKeypair, comment string) error {
	text, err := MarshalNodeKey(k, comment)
	if err != nil {
		return err
	}
	defer clear(text)
	return writeKeyFile(path, text)
}

// LoadEntityKey is LoadNodeKey for an entity's or administrator's key.
func LoadEntityKey(path string) (k *EntityKeypair, comment string, err error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, "", err
	}
	defer clear(text)
	if k, comment, err = ParseEntityKey(text); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return k, comment, nil
}

// CreateEntityKey generates a key and writes it as SaveEntityKey does.
func CreateEntityKey(path, comment string) (*EntityKeypair, error) {
	k, err := GenerateEntityKeypair()
	if err != nil {
		return nil, err
	}
	return k, SaveEntityKey(path, k, comment)
}

// SaveEntityKey is SaveNodeKey for an entity's or administrator's key.
func SaveEntityKey(path string, k *EntityKeypair, comment string) error {
	text, err := MarshalEntityKey(k, comment)
	if err != nil {
		return err
	}
	defer clear(text)
	return writeKeyFile(path, text)
}

// readKeyFile checks who may read the file before it does so itself.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of the open file, so that it cannot be exchanged after the check.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkKeyMode(info.Mode()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// One byte beyond the limit is enough for the parser to notice.
	return io.ReadAll(io.LimitReader(f, MaxKeyFile+1))
}

// checkKeyMode accepts regular files that only the owner has access to. Windows
// has no such bits and guards files otherwise.
func checkKeyMode(mode fs.FileMode) error {
	if !mode.IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrKeyFile)
	}
	if open := mode.Perm() & 0o077; open != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%w: mode %04o, want 0600", ErrKeyExposed, mode.Perm())
	}
	return nil
}

// writeKeyFile creates the file, and removes it again if it cannot be completed:
// a key that may not survive must not look as if it had been made.
func writeKeyFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// syncDir makes the directory's entry for a new file durable. Windows cannot
// sync directories and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
