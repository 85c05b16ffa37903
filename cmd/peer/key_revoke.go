package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/peer"
)

// revokedReport is what "peer key revoke" prints.
type revokedReport struct {
	keyReport
	Rights  string `json:"rights,omitempty"` // that it had
	Changed bool   `json:"changed"`
	Told    bool   `json:"told"` // a running node has read the file again
}

const revokeLong = `Let a node in no more: take the lines of its key out of the file of authorized peers.

KEY is its name or its fingerprint, as peer key ls prints them, or a prefix that fits nothing else; or the key
itself: the text "ssh-ed25519 AAAA… name", a file with it, or 64 hex digits. Doing it twice changes nothing.

A running node needs no restart. It turns the other node away from then on; a session that is open may stay
open, and nothing can be begun in it. What had been begun goes on: peer migration ls lists the moves.

This node may still be told to move daemons to the other one, as long as peer serve --peer names it.`

// newKeyRevoke is the counterpart of newKeyAuthorize.
func newKeyRevoke(a *app) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use: "revoke KEY", Short: "Let a node in no more", Args: takes(1, 1), Long: revokeLong,
		Example:           "  peer key revoke edge-b\n  peer key revoke edge-b.pub\n  peer key revoke SHA256:oWKHxdqyzRyGBLHi --json",
		ValidArgsFunction: completing(a, completeAuthorized),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := a.authorizedPath(file)
			if err != nil {
				return err
			}
			r, err := revoke(path, args[0])
			if err != nil {
				return err
			}
			r.Told, err = a.tellNode(cmd.Context(), path, edit{"the key is out of", "the running node goes by its own file, and may let that key in"})
			if err != nil {
				return err
			}
			if r.Told {
				a.note("a session that it has can begin nothing more; what was begun goes on: peer migration ls")
			}
			return a.print(r, r.write)
		},
	}
	cmd.Flags().StringVar(&file, "authorized", "", "the file (default DIR/"+authorizedFile+")")
	env(cmd.Flags(), "authorized", "FERRY_AUTHORIZED")
	return cmd
}

// revoke edits the file and returns whose key was in it, if it was.
func revoke(path, arg string) (r revokedReport, err error) {
	list, err := peer.OpenAuthorized(path)
	if err != nil {
		return r, badAuthorized(err, path)
	}
	p, err := listed(list.Peers(), arg, path)
	if err != nil {
		return r, err
	}
	changed, err := peer.Revoke(path, p.Node)
	if err != nil {
		return r, badAuthorized(err, path)
	}
	return revokedReport{reportKey(path, p.Node, p.Name), p.Rights.String(), changed, false}, nil
}

// write says what is so now, which need not be new.
func (r revokedReport) write(w io.Writer) {
	did := "was not let in"
	if r.Changed {
		did = "is let in no more; it had: " + cmp.Or(r.Rights, "nothing but connect")
	}
	fmt.Fprintf(w, "%s  %s  %s\n", r.Name, r.Fingerprint, did)
}

// listed finds whose key an argument means. What a line says in full goes first, then the key itself, which need not have
// a line any more, then what the argument may be the beginning of.
func listed(peers []peer.AuthorizedPeer, arg, path string) (p peer.AuthorizedPeer, err error) {
	full := fitting(peers, func(word string) bool { return word == arg })
	if len(full) == 0 && isKey(arg) {
		id, name, err := publicKey(arg)
		if err != nil {
			return p, err
		}
		full = append(fitting(peers, func(word string) bool { return word == id.Hex() }), peer.AuthorizedPeer{Node: id, Name: name})[:1]
	}
	if len(full) == 0 {
		full = fitting(peers, func(word string) bool { return strings.HasPrefix(word, arg) })
	}
	switch len(full) {
	case 1:
		return full[0], nil
	case 0:
		return p, client.Problemf(client.CodeUnknown, "unknown_key", "%s lets in no key with the name, the fingerprint or the prefix %q", path, arg).
			Now(untouched).Then("peer key ls")
	}
	return p, client.Problemf(client.CodeUsage, "ambiguous", "%q could be any of %d keys: %s", arg, len(full), fingerprints(full)).
		Now(untouched).Then("the same command with the fingerprint of one")
}

// fitting are the peers of which the name, the fingerprint or the id fits.
func fitting(peers []peer.AuthorizedPeer, fits func(word string) bool) (list []peer.AuthorizedPeer) {
	for _, p := range peers {
		if slices.ContainsFunc([]string{p.Name, p.Node.String(), p.Node.Hex()}, fits) {
			list = append(list, p)
		}
	}
	return list
}

// isKey reports whether an argument is a key or a file that should have one, and not the name of somebody.
func isKey(arg string) bool {
	if _, err := crypto.ParseNodeID(arg); err == nil || strings.Contains(arg, "ssh-") && strings.Contains(arg, " ") {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular()
}

// fingerprints lists keys that cannot be told apart otherwise.
func fingerprints(peers []peer.AuthorizedPeer) string {
	var list []string
	for _, p := range peers {
		list = append(list, fmt.Sprintf("%s (%s)", p.Node, p.Name))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// completeAuthorized offers the names in the file of authorized peers to a shell.
func completeAuthorized(a *app, _ context.Context) []string {
	path, err := a.inData(authorizedFile)
	if err != nil {
		return nil
	}
	list, err := peer.OpenAuthorized(path)
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range list.Peers() {
		names = append(names, fmt.Sprintf("%s\t%s", cmp.Or(p.Name, p.Node.String()), p.Rights))
	}
	return names
}
