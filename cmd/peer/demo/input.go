package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ferrymesh/ferry/crypto"
)

// input reads text as events: every line, with its newline, is the payload of one. A line above the limit
// of payloads is cut into several events, and what a file ends with, if that is no newline, is an event
// too. So the payloads joined are the files joined, byte for byte:
//
//	find PATH -type f -print0 | LC_ALL=C sort -z | xargs -0 cat
//
// Files are read one after the other and none is held whole. An input belongs to one goroutine.
type input struct {
	files []string // in the byte order of their paths
	total int64    // bytes, as the directory said when it was opened
	open  func(path string) (io.ReadCloser, error)

	file  io.ReadCloser // being read, nil between files
	path  string        // of file
	block []byte        // payloads alias it; a new one is made when it is used up
	from  int           // what of block is unread begins here
}

// blockSize is how much is read at a time. It must hold the longest payload.
const blockSize = 1 << 20

// openInput looks over what there is to read. Links inside of a directory are not followed; a path that is
// a link itself is.
func openInput(path string) (*input, error) {
	in := &input{open: func(path string) (io.ReadCloser, error) { return os.Open(path) }}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		err = in.collect(path)
	case info.Mode().IsRegular():
		in.files, in.total = []string{path}, info.Size()
	default:
		err = fmt.Errorf("%s is neither a regular file nor a directory", path)
	}
	if err != nil {
		return nil, err
	}
	if in.total == 0 {
		return nil, fmt.Errorf("%s holds no text", path)
	}
	return in, nil
}

// collect lists the regular files below root.
func (in *input) collect(root string) error {
	// With the slash at its end a root that is a link is walked all the same.
	root = strings.TrimRight(root, string(filepath.Separator)) + string(filepath.Separator)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		in.files, in.total = append(in.files, path), in.total+info.Size()
		return nil
	})
	// The walk is in order within each directory, which is another order: "a.txt" sorts before "a/b",
	// though "a" comes before "a.txt".
	slices.Sort(in.files)
	return err
}

// next returns the next payload, or io.EOF. The payload stays valid and must not be changed.
func (in *input) next() ([]byte, error) {
	for {
		if line, ok := in.line(); ok {
			return line, nil
		}
		if in.file == nil {
			if err := in.nextFile(); err != nil {
				return nil, err
			}
		}
		if err := in.fill(); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", in.path, err)
		}
	}
}

// line takes a payload from the block: a line, or the longest piece of one that goes into an event, or
// what is left once its file has ended.
func (in *input) line() ([]byte, bool) {
	rest := in.block[in.from:]
	n := bytes.IndexByte(rest[:min(len(rest), crypto.MaxPayload)], '\n') + 1
	switch {
	case n > 0:
	case len(rest) >= crypto.MaxPayload:
		n = crypto.MaxPayload
	case in.file == nil && len(rest) > 0:
		n = len(rest)
	default:
		return nil, false
	}
	in.from += n
	return rest[:n:n], true
}

// nextFile opens the file after the one that has ended, or returns io.EOF. Files stay on the list by their
// paths alone, so a directory of any number of them takes one descriptor.
func (in *input) nextFile() error {
	if len(in.files) == 0 {
		return io.EOF
	}
	in.path, in.files = in.files[0], in.files[1:]
	file, err := in.open(in.path)
	if err != nil {
		return fmt.Errorf("cannot read the input: %w", err)
	}
	in.file = file
	return nil
}

// fill reads more of the file behind what is unread. At its end the file is closed.
func (in *input) fill() error {
	// A new block, never the old one again: the payloads in it may still wait for their acknowledgments.
	if cap(in.block)-len(in.block) < crypto.MaxPayload {
		rest := in.block[in.from:]
		in.block = append(make([]byte, 0, blockSize), rest...)
		in.from = 0
	}
	n, err := in.file.Read(in.block[len(in.block):cap(in.block)])
	in.block = in.block[:len(in.block)+n]
	if err == nil {
		return nil
	}
	closing := in.close() // sets file to nil, which lets line hand out the rest
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, closing)
}

// close gives up the file being read, if any.
func (in *input) close() error {
	if in.file == nil {
		return nil
	}
	file := in.file
	in.file = nil
	return file.Close()
}
