//go:build !linux

package proc

import "errors"

// PeakMemory is not known here.
func PeakMemory(int) (uint64, error) { return 0, errors.ErrUnsupported }
