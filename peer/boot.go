package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// bootFile holds the number of times a node has been started, in decimal.
const bootFile = "boot"

// nextBoot counts one more start. The counter orders the attempts of one source across its restarts
// (protocol §6.2), so it is on disk before the node says a word.
func nextBoot(dir string) (uint64, error) {
	if dir == "" {
		return uint64(now().UnixNano()), nil
	}
	path := filepath.Join(dir, bootFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("peer: read the boot counter: %w", err)
	}
	var boot uint64
	if err == nil {
		if boot, err = strconv.ParseUint(strings.TrimSpace(string(old)), 10, 64); err != nil {
			return 0, fmt.Errorf("peer: %s does not hold a number, refusing to guess: %w", path, err)
		}
	}
	boot++
	if err := replaceFile(path, []byte(strconv.FormatUint(boot, 10)+"\n"), 0o600); err != nil {
		return 0, fmt.Errorf("peer: write the boot counter: %w", err)
	}
	return boot, syncDir(dir)
}

// syncDir makes a rename in a directory durable. Windows cannot sync directories and does not need it.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
