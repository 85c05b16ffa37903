package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// Where the public half of a key is printed, for whoever gave something else.
const (
	nodeKeyAt   = "peer key show --public-key, at the node whose key it is"
	daemonKeyAt = "peer daemon show NAME --public-key, at the node that has it"
)

// publicKey reads a node's public key as people have it at hand.
func publicKey(text string) (crypto.NodeID, string, error) { return publicKeyFrom(text, nodeKeyAt) }

// publicKeyFrom reads a public key: the text "ssh-ed25519 AAAA… name", the name of a file with that text, or 64
// hex digits. A fingerprint will not do: a key cannot be computed from it. at says where the key is printed.
func publicKeyFrom(text, at string) (crypto.NodeID, string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "SHA256:") {
		return crypto.NodeID{}, "", usage("%s is a fingerprint, and a key cannot be computed from it", text).Now(untouched).Then("%s", at)
	}
	if id, err := crypto.ParseNodeID(text); err == nil {
		return id, "", nil
	}
	if strings.Contains(text, "ssh-") && strings.Contains(text, " ") {
		id, _, name, err := crypto.ParseAuthorizedLine(text)
		if err != nil {
			return id, "", usage("%s", client.Plain(err.Error())).Now(untouched).Then("%s", at)
		}
		return id, name, nil
	}
	return publicKeyFile(text, at)
}

// untouched is where a key that cannot be read leaves everything, unless a command has more to say.
const untouched = "nothing was changed"

// publicKeyFile reads a file with one public key.
func publicKeyFile(path, at string) (id crypto.NodeID, name string, err error) {
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, "", usage("%q is neither a public key nor a file", path).Now(untouched).Then("%s", at)
	}
	if err != nil {
		return id, "", usage("%s cannot be read: %v", path, cause(err)).Now(untouched).Then("ls -ld %s %s", filepath.Dir(path), path)
	}
	defer clear(text)
	if bytes.Contains(text, secretMark) {
		return id, "", usage("%s is a secret key; the public half is wanted", path).Now(untouched).Then("the same command with %s.pub", path)
	}
	id, _, name, err = crypto.ParseAuthorizedLine(string(bytes.TrimSpace(text)))
	if err != nil {
		return id, "", usage("%s: %s", path, client.Plain(err.Error())).Now(untouched).Then("%s", at)
	}
	return id, name, nil
}

// leaving says of a problem, which others have as well, what it leaves where it is met.
func leaving(err error, now string) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		return err
	}
	return p.Now("%s", now)
}

// secretMark is in the first line of every secret key, whatever program has made it.
var secretMark = []byte("PRIVATE KEY")

// isSecret reports whether a file has a secret key, or may have one that cannot be read.
func isSecret(path string) bool {
	text, err := readSmall(path)
	defer clear(text)
	return err != nil || bytes.Contains(text, secretMark)
}

// maxKeyText is more than any key file has.
const maxKeyText = 64 << 10

var errTooLarge = errors.New("it is too large for a key")

// readSmall reads what may be a secret key by mistake, into memory that its caller clears.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyText))
	if err != nil {
		return nil, err
	}
	if len(text) == maxKeyText {
		return nil, errTooLarge
	}
	return text, nil
}
