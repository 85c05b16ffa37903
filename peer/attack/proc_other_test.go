//go:build !linux

package attack

// peakResident is not known here: the heap and the goroutines are checked all the same.
func peakResident() uint64 { return 0 }

// openFiles is not known here.
func openFiles() int { return 0 }
