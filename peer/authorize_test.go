package peer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

func nodeIDs(t *testing.T, n int) []crypto.NodeID {
	t.Helper()
	ids := make([]crypto.NodeID, n)
	for i := range ids {
		key, err := crypto.GenerateNodeKeypair()
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = key.ID()
	}
	return ids
}

// TestAuthorizeKeepsTheRest edits a file that a person has written in.
func TestAuthorizeKeepsTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	ids := nodeIDs(t, 3)
	old := "# the machines in the cellar\n" + crypto.AuthorizedLine(ids[0], []string{"submit"}, "a") + "\n\n" + crypto.AuthorizedLine(ids[1], nil, "b") + "\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		peer    AuthorizedPeer
		changed bool
	}{
		{AuthorizedPeer{Node: ids[0], Rights: wire.RightSubmit}, false},
		{AuthorizedPeer{Node: ids[0], Rights: wire.RightMigrateIn}, true},
		{AuthorizedPeer{Node: ids[0], Rights: wire.RightMigrateIn, Name: "a"}, false},
		{AuthorizedPeer{Node: ids[2], Name: "c"}, true},
		{AuthorizedPeer{Node: ids[2], Name: "c"}, false},
	}
	for i, s := range steps {
		if changed, err := Authorize(path, s.peer); err != nil || changed != s.changed {
			t.Fatalf("step %d: changed %v, %v", i, changed, err)
		}
	}
	want := strings.Replace(old, "submit ", "migrate-in ", 1) + crypto.AuthorizedLine(ids[2], nil, "c") + "\n"
	if got, _ := os.ReadFile(path); string(got) != want {
		t.Fatalf("the file is\n%s\nwant\n%s", got, want)
	}
}

// TestRevokeKeepsTheRest: every line of the key is gone, also the second of two, and nothing else.
func TestRevokeKeepsTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	ids := nodeIDs(t, 3)
	lost := crypto.AuthorizedLine(ids[0], []string{"submit"}, "a") + "\n"
	rest := "# the machines in the cellar\n\n" + crypto.AuthorizedLine(ids[1], nil, "b") + "\n"
	if err := os.WriteFile(path, []byte(lost+rest+lost), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, s := range []struct {
		node    crypto.NodeID
		changed bool
		want    string
	}{{ids[2], false, lost + rest + lost}, {ids[0], true, rest}, {ids[0], false, rest}} {
		changed, err := Revoke(path, s.node)
		got, _ := os.ReadFile(path)
		if err != nil || changed != s.changed || string(got) != s.want {
			t.Fatalf("step %d: changed %v, %v; the file is\n%s\nwant\n%s", i, changed, err, got, s.want)
		}
	}
}

// TestRevokeTheLastPeer leaves a file that lets nobody in.
func TestRevokeTheLastPeer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	id := nodeIDs(t, 1)[0]
	for range 2 { // once more after that: an empty file is edited as well
		if _, err := Authorize(path, AuthorizedPeer{Node: id, Rights: wire.AllRights}); err != nil {
			t.Fatal(err)
		}
		if changed, err := Revoke(path, id); err != nil || !changed {
			t.Fatalf("changed %v, %v", changed, err)
		}
		if a, err := OpenAuthorized(path); err != nil || len(a.Peers()) != 0 {
			t.Fatalf("%d peers are let in, %v", len(a.Peers()), err)
		}
	}
}

// TestRevokeWithoutAFile: there is no line of anybody, and none is made.
func TestRevokeWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "authorized_peers"), filepath.Join(dir, "nowhere", "authorized_peers")} {
		changed, err := Revoke(path, nodeIDs(t, 1)[0])
		if _, there := os.Lstat(path); changed || err != nil || there == nil {
			t.Errorf("%s: changed %v, %v", path, changed, err)
		}
	}
}

// TestRevokeLeavesABrokenFileAlone: a node takes nothing from anybody by it.
func TestRevokeLeavesABrokenFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	id := nodeIDs(t, 1)[0]
	text := crypto.AuthorizedLine(id, nil, "a") + "\nsubmit ssh-rsa AAAA\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := Revoke(path, id)
	if got, _ := os.ReadFile(path); changed || err == nil || !strings.Contains(err.Error(), path+":2:") || string(got) != text {
		t.Fatalf("changed %v, %v", changed, err)
	}
}

// TestAuthorizeLeavesABrokenFileAlone: nobody is let in by it anyway.
func TestAuthorizeLeavesABrokenFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	if err := os.WriteFile(path, []byte("submit ssh-rsa AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed, err := Authorize(path, AuthorizedPeer{Node: nodeIDs(t, 1)[0]})
	if changed || err == nil || !strings.Contains(err.Error(), path+":1:") {
		t.Fatalf("changed %v, %v", changed, err)
	}
}

// TestAuthorizeWritesWhatCanBeRead: one line that is too long, and the node would let nobody new in.
func TestAuthorizeWritesWhatCanBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	ids := nodeIDs(t, 2)
	if _, err := Authorize(path, AuthorizedPeer{Node: ids[0], Rights: wire.RightSubmit, Name: "a"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		changed, err := Authorize(path, AuthorizedPeer{Node: id, Rights: wire.AllRights, Name: strings.Repeat("n", crypto.MaxAuthorizedLine)})
		if changed || !errors.Is(err, ErrPeerLine) {
			t.Errorf("changed %v, %v", changed, err)
		}
	}
	list, err := OpenAuthorized(path)
	if rights, ok := list.Lookup(ids[0]); err != nil || !ok || rights != wire.RightSubmit {
		t.Errorf("the peer that was there has %v (%v): %v", rights, ok, err)
	}
}

// TestAuthorizeAtOnce: no edit is lost among those that come at the same moment.
func TestAuthorizeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authorized_peers")
	ids := nodeIDs(t, 16)
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			if changed, err := Authorize(path, AuthorizedPeer{Node: id, Rights: wire.AllRights}); err != nil || !changed {
				t.Errorf("changed %v, %v", changed, err)
			}
		})
	}
	all.Wait()
	a, err := OpenAuthorized(path)
	if err != nil || len(a.Peers()) != len(ids) {
		t.Fatalf("%d of %d peers, %v", len(a.Peers()), len(ids), err)
	}
}

// TestAuthorizedSeesEveryReplacement: a file that takes the place of another may have its length and its time, such as one that
// `cp -p` or a backup has brought, or one that was written in the same tick. Who is not in it any more is not let in.
func TestAuthorizedSeesEveryReplacement(t *testing.T) {
	path, ids := filepath.Join(t.TempDir(), "authorized_peers"), nodeIDs(t, 2)
	written := time.Now().Add(-time.Hour)
	write := func(file string, id crypto.NodeID) {
		t.Helper()
		if err := os.WriteFile(file, []byte(crypto.AuthorizedLine(id, []string{"submit"}, "a")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
	write(path, ids[0])
	a, err := OpenAuthorized(path)
	if err != nil {
		t.Fatal(err)
	}
	in := func(what string, id crypto.NodeID) {
		t.Helper()
		for _, other := range ids {
			if _, ok := a.Lookup(other); ok != (other == id) {
				t.Errorf("%s: %v is let in: %v", what, other, ok)
			}
		}
	}
	in("at first", ids[0])
	write(path+".new", ids[1])
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	in("another file", ids[1])
	write(path, ids[0]) // the same file: nothing of it shows that it has changed but what is in it
	if err := a.Err(); err != nil {
		t.Fatal(err)
	}
	in("read anew", ids[0])
}
