package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
)

// ErrPeerLine is the error of Authorize for a peer whose line nobody could read again, since its name is too long.
var ErrPeerLine = errors.New("peer: the line could not be read again")

// Authorize writes a peer's line into a file of authorized peers and reports whether that changed anything.
// A key has one line: an old one is replaced where it stands, a new one goes to the end, and everything
// else in the file, comments included, stays as it is. The file is replaced as a whole, so that a node
// reading it meanwhile sees the old text or the new one, and is made, readable by its owner only, if there
// is none. An empty name keeps the one that the line has.
//
// A file with a line that cannot be read is left alone: a node lets nobody in by such a file, and adding to
// it would only look as if it worked. For the same reason no line is written that could not be read: ErrPeerLine.
func Authorize(path string, p AuthorizedPeer) (changed bool, err error) {
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	defer unlock()
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	text, err := authorizedText(path, string(old), p)
	if err != nil || bytes.Equal(text, old) {
		return false, err
	}
	return true, replaceFile(path, text, 0o600)
}

// authorizedText is the file with the peer's line in it.
func authorizedText(path, old string, p AuthorizedPeer) ([]byte, error) {
	var lines []string
	if old = strings.TrimSuffix(old, "\n"); old != "" {
		lines = strings.Split(old, "\n")
	}
	found := false
	kept := lines[:0]
	for n, line := range lines {
		at, err := authorizedNode(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
		if at == nil || at.Node != p.Node {
			kept = append(kept, line)
			continue
		}
		if found {
			continue // a second line for the same key would silently win
		}
		found = true
		if line, err = authorizedLine(p, at, line); err != nil {
			return nil, err
		}
		kept = append(kept, line)
	}
	if !found {
		line, err := authorizedLine(p, nil, "")
		if err != nil {
			return nil, err
		}
		kept = append(kept, line)
	}
	return []byte(strings.Join(kept, "\n") + "\n"), nil
}

// authorizedNode reads one line; nil for an empty line or a comment.
func authorizedNode(line string) (*AuthorizedPeer, error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	p, err := parseAuthorized(line)
	return &p, err
}

// authorizedLine writes the line of p. One that says the same already is kept to the letter.
func authorizedLine(p AuthorizedPeer, old *AuthorizedPeer, line string) (string, error) {
	if old != nil && p.Name == "" {
		p.Name = old.Name
	}
	if old != nil && *old == p {
		return line, nil
	}
	var options []string
	if p.Rights != 0 {
		options = strings.Split(p.Rights.String(), ",")
	}
	line = crypto.AuthorizedLine(p.Node, options, p.Name)
	if _, err := parseAuthorized(line); err != nil {
		return "", fmt.Errorf("%w: %w", ErrPeerLine, err)
	}
	return line, nil
}
