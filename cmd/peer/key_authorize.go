package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ferrymesh/ferry/cmd/peer/client"
	"github.com/ferrymesh/ferry/peer"
	"github.com/ferrymesh/ferry/wire"
)

// authorizedReport is one line of the file of authorized peers.
type authorizedReport struct {
	keyReport
	Rights  string `json:"rights"`
	Changed *bool  `json:"changed,omitempty"`
}

const authorizeLong = `Let a node in and say what it may do here, by a line in the file of authorized peers:

  submit       submit events to daemons of this node
  migrate-in   move daemons to this node
  migrate-out  move daemons of this node away, also as a third party
  administer   nothing over the network: operators use the node's own socket

KEY is the text "ssh-ed25519 AAAA… name", a file with it, or 64 hex digits. The line of a key that has one is
replaced: what is not named is taken away. Doing it twice changes nothing. A running node needs no restart:
what it has let somebody begin goes on, and the new rights count for everything after that.`

// newKeyAuthorize gives by default what two neighbors need of each other, and never the right to take daemons
// away or to administer: those are asked for by name.
func newKeyAuthorize(a *app) *cobra.Command {
	var name, rights, file string
	cmd := &cobra.Command{
		Use: "authorize KEY", Short: "Let a node in, and say what it may do here", Args: takes(1, 1), Long: authorizeLong,
		Example: "  peer key authorize edge-b.pub --rights submit,migrate-in\n  peer key authorize 'ssh-ed25519 AAAA… edge-b' --name edge-b",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := a.authorizedPath(file)
			if err != nil {
				return err
			}
			r, err := authorize(path, args[0], name, rights)
			if err != nil {
				return err
			}
			if _, err := a.tellNode(cmd.Context(), path, edit{"the line is in", "the running node lets nobody in by that line"}); err != nil {
				return err
			}
			return a.print(r, r.writeChange)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call the node (default: what its key says)")
	cmd.Flags().StringVar(&rights, "rights", "submit,migrate-in", "what it may do here, joined by commas")
	cmd.Flags().StringVar(&file, "authorized", "", "the file (default DIR/"+authorizedFile+")")
	env(cmd.Flags(), "authorized", "FERRY_AUTHORIZED")
	return cmd
}

// authorizedPath is the file of authorized peers that the flags name.
func (a *app) authorizedPath(file string) (string, error) {
	if file != "" {
		return file, nil
	}
	return a.inData(authorizedFile)
}

// authorize edits the file and returns what the key may do now, whether or not that is new.
func authorize(path, key, name, rights string) (r authorizedReport, err error) {
	id, comment, err := publicKey(key)
	if err != nil {
		return r, err
	}
	set, err := wire.ParseRights(rights)
	if err != nil {
		return r, usage("--rights: %s", client.Plain(err.Error())).Now(untouched).Then("peer key authorize --help")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return r, client.Problemf(client.CodeError, "not_written", "the folder of %s cannot be made: %v", path, cause(err)).
			Now(untouched).Then("the same command with --authorized FILE, where FILE can be written")
	}
	p := peer.AuthorizedPeer{Node: id, Rights: set, Name: cmp.Or(name, comment)}
	changed, err := peer.Authorize(path, p)
	if err != nil {
		return r, badAuthorized(err, path)
	}
	return authorizedReport{reportKey(path, id, p.Name), set.String(), &changed}, nil
}

// badAuthorized tells a line that cannot be written from a file that cannot be edited.
func badAuthorized(err error, path string) error {
	p := client.Problemf(client.CodeUsage, "bad_file", "%s", client.Plain(err.Error())).Now(untouched)
	if errors.Is(err, peer.ErrPeerLine) {
		return p.Then("peer key authorize --help")
	}
	return p.Then("edit %s", path)
}

// writeChange says what is so now, which need not be new.
func (r authorizedReport) writeChange(w io.Writer) {
	did := "was authorized already"
	if *r.Changed {
		did = "is authorized"
	}
	fmt.Fprintf(w, "%s  %s  %s: %s\n", r.Name, r.Fingerprint, did, cmp.Or(r.Rights, "nothing but to connect"))
}

// edit is what has been done to a file of authorized peers: that the line is in it, or the key out of it.
type edit struct {
	done  string // up to the name of the file
	other string // what a running node does that reads another file
}

// tellNode makes a running node look at its file now and not within the next seconds, and makes sure that it is the one
// that was edited. If there is no node, it will read the file when it starts; told is false then.
func (a *app) tellNode(ctx context.Context, path string, e edit) (told bool, err error) {
	c, err := a.client()
	if err != nil {
		return false, notTold(err, path, e)
	}
	defer c.Close()
	r, err := c.Reload(ctx)
	switch {
	case errors.Is(err, &client.Problem{Kind: "no_node"}):
		return false, nil
	case err != nil:
		return false, notTold(err, path, e)
	case r.Authorized != "" && !sameFile(r.Authorized, path):
		return false, client.Problemf(client.CodeUsage, "other_file", "%s %s, and the node that runs here reads %s", e.done, path, r.Authorized).
			Now("%s", e.other).Then("the same command with --authorized %s", r.Authorized)
	}
	return true, nil
}

// notTold says what is so after an edit of which the node could not be told: the file counts all the same, since a node looks
// at it when somebody connects, and every few seconds for those who are.
func notTold(err error, path string, e edit) error {
	var p *client.Problem
	if !errors.As(err, &p) {
		p = client.Problemf(client.CodeError, "not_told", "the node could not be told: %v", err)
	}
	return p.Now("%s %s, and a node that reads that file goes by it within seconds", e.done, path)
}

// sameFile reports whether two paths lead to one file that exists.
func sameFile(x, y string) bool {
	a, err := os.Stat(x)
	b, err2 := os.Stat(y)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// newKeyLs reads the file and not the node, so that it can be looked at before the first start.
func newKeyLs(a *app) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use: "ls", Short: "List the keys that are let in here, and what they may do", Args: takes(0, 0),
		Example: "  peer key ls\n  peer key ls --json",
		RunE: func(*cobra.Command, []string) error {
			path, err := a.authorizedPath(file)
			if err != nil {
				return err
			}
			list, err := peer.OpenAuthorized(path)
			if err != nil {
				return client.Problemf(client.CodeUsage, "bad_file", "%s", client.Plain(err.Error())).Now("a node with this file lets nobody new in").Then("edit %s", path)
			}
			return listAuthorized(a, path, list.Peers())
		},
	}
	cmd.Flags().StringVar(&file, "authorized", "", "the file (default DIR/"+authorizedFile+")")
	env(cmd.Flags(), "authorized", "FERRY_AUTHORIZED")
	return cmd
}

// listAuthorized sorts by name: the order of the file means nothing.
func listAuthorized(a *app, path string, peers []peer.AuthorizedPeer) error {
	slices.SortFunc(peers, func(x, y peer.AuthorizedPeer) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Node.Hex(), y.Node.Hex()))
	})
	list := make([]authorizedReport, 0, len(peers))
	for _, p := range peers {
		list = append(list, authorizedReport{reportKey("", p.Node, p.Name), p.Rights.String(), nil})
	}
	none := "nobody is let in by " + path + ": add one with peer key authorize KEY"
	return printList(a, list, none, "NAME\tRIGHTS\tFINGERPRINT", func(r authorizedReport) string {
		return cells(r.Name, r.Rights, r.Fingerprint)
	})
}
