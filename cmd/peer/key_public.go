package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// publicKey reads a public key as people have it at hand: the text "ssh-ed25519 AAAA… name", the name of a
// file with that text, or 64 hex digits. A fingerprint will not do: a key cannot be computed from it.
func publicKey(text string) (crypto.NodeID, string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "SHA256:") {
		return crypto.NodeID{}, "", usage("%s is a fingerprint, and a key cannot be computed from it", text).
			Then("peer key show --public-key, at the node whose key it is")
	}
	if id, err := crypto.ParseNodeID(text); err == nil {
		return id, "", nil
	}
	if strings.Contains(text, "ssh-") && strings.Contains(text, " ") {
		id, _, name, err := crypto.ParseAuthorizedLine(text)
		if err != nil {
			return id, "", usage("%s", client.Plain(err.Error())).Then("peer key show --public-key, at the node whose key it is")
		}
		return id, name, nil
	}
	return publicKeyFile(text)
}

// publicKeyFile reads a file with one public key.
func publicKeyFile(path string) (id crypto.NodeID, name string, err error) {
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return id, "", usage("%q is neither a public key nor a file", path).Then("peer key show --public-key, at the node whose key it is")
	}
	if err != nil {
		return id, "", err
	}
	defer clear(text)
	if bytes.Contains(text, secretMark) {
		return id, "", usage("%s is a secret key; the public half is wanted", path).Then("the same command with %s.pub", path)
	}
	id, _, name, err = crypto.ParseAuthorizedLine(string(bytes.TrimSpace(text)))
	if err != nil {
		return id, "", usage("%s: %s", path, client.Plain(err.Error())).Then("peer key show --public-key, at the node whose key it is")
	}
	return id, name, nil
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

// readSmall reads what may be a secret key by mistake, into memory that its caller clears.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyText))
	if err != nil {
		return nil, client.Problemf(client.CodeUsage, "bad_key", "%v", err)
	}
	if len(text) == maxKeyText {
		return nil, fmt.Errorf("%s is too large for a key", path)
	}
	return text, nil
}
