package admin

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// socketDir is short enough for a socket, wherever the tests keep their files.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ferry")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestSocketIsPrivate: mode 0600 from its first moment, and the umask is as before.
func TestSocketIsPrivate(t *testing.T) {
	path := filepath.Join(socketDir(t), "a.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	plain := filepath.Join(filepath.Dir(path), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Lstat(plain); info.Mode().Perm()&0o400 == 0 {
		t.Errorf("another file has mode %v", info.Mode())
	}
}

// TestSocketTakeOver: a dead socket is replaced; a live one, and what is no socket, are not.
func TestSocketTakeOver(t *testing.T) {
	path := filepath.Join(socketDir(t), "a.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := Listen(path)
	if err != nil {
		t.Fatalf("over a dead socket: %v", err)
	}
	defer l.Close()
	if _, err := Listen(path); !errors.Is(err, &client.Problem{Kind: "node_running"}) {
		t.Errorf("over a live one: %v", err)
	}
	if conn, err := net.Dial("unix", path); err != nil {
		t.Errorf("the live one is gone: %v", err)
	} else {
		conn.Close()
	}
	file := path + ".txt"
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); !errors.Is(err, &client.Problem{Kind: "not_a_socket"}) {
		t.Errorf("over a file: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "mine" {
		t.Errorf("the file holds %q", text)
	}
}

// TestSocketPathLimit: the longest path that is accepted works.
func TestSocketPathLimit(t *testing.T) {
	dir := socketDir(t)
	path := filepath.Join(dir, strings.Repeat("x", MaxSocketPath-len(dir)-1))
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := Listen(path + "y"); !errors.Is(err, &client.Problem{Kind: "socket_path_too_long"}) {
		t.Errorf("one byte more: %v", err)
	}
}
