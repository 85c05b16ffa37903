package crypto

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyFile_CreateLoad: what is created loads, for both kinds of key, and is
// nobody else's to read.
func TestKeyFile_CreateLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "node")
	n, err := CreateNodeKey(path, "a node")
	if err != nil {
		t.Fatal(err)
	}
	if got, comment, err := LoadNodeKey(path); err != nil || comment != "a node" || !got.Equal(n) {
		t.Errorf("node: got %v, %q, %v", got, comment, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	path = filepath.Join(dir, "entity")
	e, err := CreateEntityKey(path, "a daemon")
	if err != nil {
		t.Fatal(err)
	}
	if got, comment, err := LoadEntityKey(path); err != nil || comment != "a daemon" || !got.Equal(e) {
		t.Errorf("entity: got %v, %q, %v", got, comment, err)
	}
}

// TestKeyFile_NeverOverwrites: an existing file stays as it is, even an empty
// one, and even through a dangling link.
func TestKeyFile_NeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if _, err := CreateNodeKey(path, ""); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{path, link} {
		for name, err := range map[string]error{
			"CreateNodeKey":   second(CreateNodeKey(at, "")),
			"CreateEntityKey": second(CreateEntityKey(at, "")),
			"SaveNodeKey":     SaveNodeKey(at, nodeKeyOf("A"), ""),
			"SaveEntityKey":   SaveEntityKey(at, keyOf("a"), ""),
		} {
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: got %v, want fs.ErrExist", name, err)
			}
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
}

// TestKeyFile_NothingLeftBehind: a key that cannot be written leaves no file.
func TestKeyFile_NothingLeftBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	wiped := keyOf("a")
	wiped.Wipe()
	if err := SaveEntityKey(path, wiped, ""); !errors.Is(err, ErrCannotSign) {
		t.Errorf("wiped: got %v", err)
	}
	if _, err := CreateNodeKey(path, "bad\ncomment"); !errors.Is(err, ErrKeyFile) {
		t.Errorf("bad comment: got %v", err)
	}
	if _, err := CreateEntityKey(filepath.Join(dir, "no", "such"), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestKeyFile_Exposed: any access of others is refused, whatever is in the
// file.
func TestKeyFile_Exposed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := CreateNodeKey(path, ""); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		mode fs.FileMode
		want error
	}{
		{0o600, nil}, {0o400, nil}, {0o700, nil},
		{0o640, ErrKeyExposed}, {0o604, ErrKeyExposed}, {0o620, ErrKeyExposed}, {0o666, ErrKeyExposed}, {0o601, ErrKeyExposed},
	} {
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadNodeKey(path); !errors.Is(err, test.want) {
			t.Errorf("mode %04o: got %v, want %v", test.mode, err, test.want)
		}
		if _, _, err := LoadEntityKey(path); !errors.Is(err, test.want) {
			t.Errorf("mode %04o: got %v, want %v", test.mode, err, test.want)
		}
	}
}

// TestKeyFile_LoadErrors name the path, and keep their class.
func TestKeyFile_LoadErrors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	huge := filepath.Join(dir, "huge")
	for path, text := range map[string]string{garbage: "garbage", huge: sshBegin + strings.Repeat("A", 1<<20)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]error{
		garbage: ErrKeyFile, huge: ErrKeyFile, dir: ErrKeyFile, filepath.Join(dir, "none"): fs.ErrNotExist,
	} {
		_, _, nodeErr := LoadNodeKey(path)
		_, _, entityErr := LoadEntityKey(path)
		for _, err := range []error{nodeErr, entityErr} {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: got %v, want %v", path, err, want)
			}
		}
	}
}

// TestKeyFile_WithSSHKeygen exchanges files with the program itself. Where it is
// not installed the fixture's test stands alone.
func TestKeyFile_WithSSHKeygen(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Log("ssh-keygen is not installed")
		return
	}
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ssh-keygen %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}

	theirs := filepath.Join(dir, "theirs")
	run("-q", "-t", "ed25519", "-N", "", "-C", "made by ssh-keygen", "-f", theirs)
	k, comment, err := LoadNodeKey(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if line := run("-y", "-f", theirs); line != AuthorizedLine(k.ID(), nil, comment) {
		t.Errorf("public line %q of %v", line, k)
	}

	ours := filepath.Join(dir, "ours")
	k, err = CreateNodeKey(ours, "made by ferry")
	if err != nil {
		t.Fatal(err)
	}
	if line := run("-y", "-f", ours); line != AuthorizedLine(k.ID(), nil, "made by ferry") {
		t.Errorf("public line %q of %v", line, k)
	}
	if print := run("-l", "-f", ours); !strings.Contains(print, k.ID().String()) {
		t.Errorf("fingerprint %q of %v", print, k)
	}
	// Rewritten by the program, which drops our checksum line, it still loads.
	run("-q", "-c", "-C", "renamed", "-P", "", "-f", ours)
	if got, comment, err := LoadNodeKey(ours); err != nil || comment != "renamed" || !got.Equal(k) {
		t.Errorf("after ssh-keygen -c: %v, %q, %v", got, comment, err)
	}
	run("-q", "-p", "-P", "", "-N", "passphrase", "-f", ours)
	if _, _, err := LoadNodeKey(ours); !errors.Is(err, ErrKeyEncrypted) {
		t.Errorf("with a passphrase: got %v, want ErrKeyEncrypted", err)
	}
}
