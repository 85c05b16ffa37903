package kinds

import "runtime"

// slabSize is the size of one piece of memory for accounts or before-images. Large, so that a
// gigabyte is 256 objects; small, so that a ledger that claims to be huge costs nothing before
// its bytes arrive.
const slabSize = 4 << 20

// slabs is a growing list of equally large, zeroed pieces of memory that hold no pointers.
//
// The pieces do not lie in the Go heap where the system allows (memory_map.go), for two
// reasons. The collector lets the heap grow to twice what is alive before it runs: beside a
// state of 1 GiB that is up to 1 GiB of garbage from handling events, all of it resident. And
// memory that the collector frees goes back to the system slowly and in part, while a node
// that has given a daemon away must be rid of its gigabyte at once. Outside of the heap the
// resident size is the state and little more, and free is a system call.
//
// A slabs is guarded by the locks of the object it belongs to.
type slabs struct {
	list [][]byte // its full length from the start; the first used of them exist
	used int
	size int
}

// newSlabs returns a list without memory yet, for up to count pieces, that is freed with its
// owner. Freeing by hand is prompt; the cleanup catches owners that were merely forgotten. For
// that to be safe a slab may be touched only while its owner is reachable: all users hold a
// lock that is a field of the owner, or keep the owner alive until they are done.
func newSlabs[T any](owner *T, count, size uint64) *slabs {
	s := &slabs{list: make([][]byte, count), size: int(size)}
	runtime.AddCleanup(owner, (*slabs).free, s)
	return s
}

// grow makes the next piece exist.
func (s *slabs) grow() error {
	b, err := mapMemory(s.size)
	if err != nil {
		return err
	}
	s.list[s.used] = b
	s.used++
	return nil
}

// free gives all memory back. Nothing may use a slab afterwards. Calling it again is harmless.
func (s *slabs) free() {
	for _, b := range s.list[:s.used] {
		unmapMemory(b)
	}
	s.list, s.used = nil, 0
}
