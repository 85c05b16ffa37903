package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// breakSync returns a hook that puts a pipe in the place of the log's file before its third sync: a pipe cannot
// be synced, and the system says so.
func breakSync() func(string) {
	passed := 0 // the journal writes one group at a time
	return func(point string) {
		if point != "group: before the sync" {
			return
		}
		if passed++; passed < 3 {
			return
		}
		r, w, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		open, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			panic(err)
		}
		for _, link := range open {
			if name, err := os.Readlink(link); err != nil || !strings.HasSuffix(name, ".log") {
				continue
			}
			fd, err := strconv.Atoi(filepath.Base(link))
			if err == nil {
				err = syscall.Dup3(int(w.Fd()), fd, 0)
			}
			if err != nil {
				panic(err)
			}
		}
		_ = r.Close() // nobody reads it
	}
}
