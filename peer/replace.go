//go:build !windows

package peer

import (
	"io/fs"

	"github.com/google/renameio/v2"
)

// replaceFile writes a file whole or not at all, in the place of one that is there.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	return renameio.WriteFile(path, data, mode)
}
