package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
)

// keyReport is what the key commands print. The secret half is never printed.
type keyReport struct {
	File        string `json:"file,omitempty"`
	Fingerprint string `json:"fingerprint"`
	ID          string `json:"id"`
	PublicKey   string `json:"public_key"`
	Name        string `json:"name,omitempty"`
}

// reportKey describes the public half of a key.
func reportKey(file string, id crypto.NodeID, name string) keyReport {
	return keyReport{File: file, Fingerprint: id.String(), ID: id.Hex(), PublicKey: crypto.AuthorizedLine(id, nil, name), Name: name}
}

// write prints the fingerprint to compare by eye, and the line to copy.
func (k keyReport) write(w io.Writer) {
	fmt.Fprintf(w, "%s  %s\n%s\n", k.Fingerprint, k.Name, k.PublicKey)
}

// newKey is the group of commands about keys. None of them needs a running node.
func newKey(a *app) *cobra.Command {
	return group("key", "Make keys, and say whose keys may do what here", "  peer key new --name edge-a\n  peer key authorize edge-b.pub --rights submit,migrate-in\n  peer key revoke edge-b\n  peer key ls",
		newKeyNew(a), newKeyShow(a), newKeyAuthorize(a), newKeyRevoke(a), newKeyLs(a))
}

// newKeyNew writes both halves, as ssh-keygen does, because the other half is what the neighbors need.
func newKeyNew(a *app) *cobra.Command {
	name := ""
	cmd := &cobra.Command{
		Use: "new [FILE]", Short: "Make the key of a node", Args: takes(0, 1),
		Long: `Make the key of a node: FILE, and FILE.pub for the other nodes. It is an OpenSSH ed25519 key as
"ssh-keygen -t ed25519" makes it, readable by its owner only. A file that exists is never overwritten.

FILE is ` + keyFile + ` in the data directory unless it is given.`,
		Example: "  peer key new --name edge-a\n  peer key new /etc/ferry/edge-a.key",
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.keyPath(args)
			if err != nil {
				return err
			}
			id, err := makeKey(path, name)
			if err != nil {
				return err
			}
			return a.print(reportKey(path, id, name), reportKey(path, id, name).write)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what the node is called, kept in the key as a comment")
	return cmd
}

// keyPath is the key file that the arguments name, or the one in the data directory.
func (a *app) keyPath(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	return a.inData(keyFile)
}

// makeKey makes a key file and, beside it, the public half.
func makeKey(path, name string) (id crypto.NodeID, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return id, keyNotMade(path, err)
	}
	for _, half := range []string{path, path + ".pub"} {
		if exists(half) {
			return id, keyExists(half)
		}
	}
	key, err := crypto.CreateNodeKey(path, name)
	if errors.Is(err, fs.ErrExist) {
		return id, keyExists(path)
	}
	if err != nil {
		return id, keyNotMade(path, err)
	}
	defer key.Wipe()
	if err := writeNew(path+".pub", []byte(crypto.AuthorizedLine(key.ID(), nil, name)+"\n")); err != nil {
		return key.ID(), client.Problemf(client.CodeError, "not_written", "%s.pub cannot be written: %v", path, cause(err)).
			Now("the key itself is at %s", path).Then("peer key show %s --public-key > FILE", path)
	}
	return key.ID(), nil
}

// writeNew writes a file that others may read, where there is none yet; it is there whole or not at all.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = cmp.Or(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// keyExists says that a half of a key is there already. The public half may be of a key that is kept elsewhere.
func keyExists(path string) error {
	return client.Problemf(client.CodeUsage, "file_exists", "%s exists, and a key is never overwritten", path).
		Now("nothing was written").Then("peer key show %s", path)
}

// keyNotMade says that there is no key, and where it should have been.
func keyNotMade(path string, err error) error {
	return client.Problemf(client.CodeError, "not_written", "the key %s cannot be made: %v", path, cause(err)).
		Now("there is no new key").Then("ls -ld %[1]s; df %[1]s", filepath.Dir(path))
}

// newKeyShow takes either half, so that nobody has to open the secret one to read a fingerprint.
func newKeyShow(a *app) *cobra.Command {
	public := false
	cmd := &cobra.Command{
		Use: "show [FILE]", Short: "Show the public half and the fingerprint of a key", Args: takes(0, 1),
		Long:    "Show the public half and the fingerprint of a key. FILE may be the key itself or its public half; without it,\nit is the key in the data directory.",
		Example: "  peer key show\n  peer key show --public-key > edge-a.pub",
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := a.keyPath(args)
			if err != nil {
				return err
			}
			id, name, err := showKey(path)
			if err != nil {
				return err
			}
			k := reportKey(path, id, name)
			return a.print(k, func(w io.Writer) {
				if public {
					fmt.Fprintln(w, k.PublicKey)
					return
				}
				k.write(w)
			})
		},
	}
	cmd.Flags().BoolVar(&public, "public-key", false, "print the public half only")
	return cmd
}

// showKey reads either half of a key.
func showKey(path string) (crypto.NodeID, string, error) {
	id, name, err := publicKeyFile(path, nodeKeyAt)
	if err == nil || exists(path) && !isSecret(path) {
		return id, name, err
	}
	key, name, err := loadKey(path)
	if err != nil {
		return crypto.NodeID{}, "", leaving(err, untouched)
	}
	defer key.Wipe()
	return key.ID(), name, nil
}

// exists reports whether there is something at a path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// loadKey reads a node's key file and says what to do about one that cannot be used.
func loadKey(path string) (*crypto.NodeKeypair, string, error) {
	key, name, err := crypto.LoadNodeKey(path)
	if err == nil {
		return key, name, nil
	}
	p := client.Problemf(client.CodeUsage, "bad_key", "the key cannot be used: %s", client.Plain(err.Error())).Now("not started")
	_, _, notPublic := publicKeyFile(path, nodeKeyAt)
	switch {
	case notPublic == nil:
		p.Detail = "the key cannot be used: " + path + " is the public half, and the secret one is wanted"
		p.Then("the same command with %s", strings.TrimSuffix(path, ".pub"))
	case errors.Is(err, fs.ErrPermission):
		p.Then("ls -ld %s %s", filepath.Dir(path), path)
	case errors.Is(err, fs.ErrNotExist):
		p.Kind = "no_key"
		p.Then("peer key new %s", path)
	case errors.Is(err, crypto.ErrKeyExposed):
		p.Kind = "key_exposed"
		p.Then("chmod 600 %s", path)
	case errors.Is(err, crypto.ErrKeyEncrypted):
		p.Then("ssh-keygen -p -N '' -f %s", path)
	default:
		p.Then("peer key new FILE")
	}
	return nil, "", p
}
