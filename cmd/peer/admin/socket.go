package admin

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ferrymesh/ferry/cmd/peer/client"
)

// MaxSocketPath is the longest path of a socket, in bytes, that every system takes: sockaddr_un has 104
// bytes on some, 108 on others, and ends in a zero byte.
const MaxSocketPath = 103

// wsaRefused is what Windows says where others say ECONNREFUSED.
const wsaRefused = syscall.Errno(10061)

// Listen opens the admin socket at a path, with mode 0600. A socket that nobody answers at any more is
// replaced; one that is alive, or a file that is no socket, is left alone and a *client.Problem.
//
// It sets the process' umask for a moment, so it is called before there are other goroutines.
func Listen(path string) (net.Listener, error) {
	if len(path) > MaxSocketPath {
		return nil, client.Problemf(client.CodeUsage, "socket_path_too_long",
			"the admin socket's path has %d bytes, systems allow %d: %s", len(path), MaxSocketPath, path).
			Now("not started").Then("the same command with another --admin, such as /tmp/peer.sock")
	}
	if err := clearSocket(path); err != nil {
		return nil, err
	}
	l, err := listenPrivate(path)
	if err != nil {
		return nil, client.Problemf(client.CodeError, "socket", "the admin socket cannot be opened: %v", err).
			Now("not started").Then("the same command with another --admin, such as /tmp/peer.sock")
	}
	return l, nil
}

// listenPrivate never lets the socket exist with a wider mode than 0600.
func listenPrivate(path string) (net.Listener, error) {
	restore := privateUmask()
	defer restore()
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// clearSocket makes room for a new socket if what is at the path is a dead one.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return client.Problemf(client.CodeError, "socket", "the admin socket cannot be opened: %v", err).
			Now("not started").Then("ls -ld %s", client.Quote(filepath.Dir(path)))
	}
	if info.Mode().Type() != fs.ModeSocket {
		return client.Problemf(client.CodeUsage, "not_a_socket", "%s exists and is not a socket, so it is left alone", path).
			Now("not started").Then("the same command with --admin %s", client.Quote(path+".sock"))
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return client.Problemf(client.CodeUsage, "node_running", "a node is already running at %s", path).
			Now("that node goes on; nothing was started").Then("peer status --admin %s", client.Quote(path))
	}
	// Only a refusal proves that nobody listens. Anything else, such as a full backlog, may be a live node.
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, wsaRefused) {
		return client.Problemf(client.CodeError, "socket", "%s may belong to a running node: %v", path, err).
			Now("not started").Then("peer status --admin %s", client.Quote(path))
	}
	if err := os.Remove(path); err != nil {
		return client.Problemf(client.CodeError, "socket", "the socket of a node that has ended cannot be removed: %v", err).
			Now("not started").Then("rm %s", client.Quote(path))
	}
	return nil
}
