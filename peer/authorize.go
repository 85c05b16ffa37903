package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	return editAuthorized(path, func(lines []string) ([]string, error) { return authorizedLines(path, lines, p) })
}

// Revoke takes every line of a key out of a file of authorized peers and reports whether there was one. The file is edited
// with the care of Authorize: what else is in it stays as it is, and one with a line that cannot be read is left alone. One
// that does not exist has no line of anybody.
func Revoke(path string, node crypto.NodeID) (changed bool, err error) {
	changed, err = editAuthorized(path, func(lines []string) ([]string, error) { return linesWithout(path, lines, node) })
	if errors.Is(err, fs.ErrNotExist) { // not even its folder is there
		return false, nil
	}
	return changed, err
}

// editAuthorized replaces the file with its edited lines, while nobody else edits it. No lines at all are no file yet, or
// an empty one.
func editAuthorized(path string, edit func(lines []string) ([]string, error)) (changed bool, err error) {
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	defer unlock()
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	var lines []string
	if len(old) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	}
	edited, err := edit(slices.Clone(lines))
	if err != nil || slices.Equal(edited, lines) {
		return false, err
	}
	var text []byte
	for _, line := range edited {
		text = append(append(text, line...), '\n')
	}
	return true, replaceFile(path, text, 0o600)
}

// linesWithout is the file without any line of a key.
func linesWithout(path string, lines []string, node crypto.NodeID) ([]string, error) {
	kept := lines[:0]
	for n, line := range lines {
		at, err := authorizedNode(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n+1, err)
		}
		if at == nil || at.Node != node {
			kept = append(kept, line)
		}
	}
	return kept, nil
}

// authorizedLines is the file with the peer's line in it.
func authorizedLines(path string, lines []string, p AuthorizedPeer) ([]string, error) {
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
	return kept, nil
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
