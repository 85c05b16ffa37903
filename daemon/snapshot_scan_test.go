package daemon

import (
	"bytes"
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// Wherever a snapshot is cut, what is kept of it is a beginning that ends between two chunks, and no chunk that is whole is missing.
func TestScanKeepsTheChunksThatAreWhole(t *testing.T) {
	h, d := birth(t)
	d.state = make([]byte, 2*wire.MaxChunk+100)
	whole := snapshotBytes(t, h)
	empty := int64(len(whole)) - chunkedLen(int64(len(d.state))) - trailerSize
	ends := []int64{0, empty, empty + chunkedLen(wire.MaxChunk), empty + chunkedLen(2*wire.MaxChunk), int64(len(whole)) - trailerSize, int64(len(whole))}
	for i, end := range ends {
		next := int64(len(whole)) + 1
		if i+1 < len(ends) {
			next = ends[i+1]
		}
		for _, cut := range []int64{end, end + 1, next - 1} {
			head, n := ScanSnapshot(bytes.NewReader(whole[:min(cut, int64(len(whole)))]))
			if want := h.Head(); i > 0 && head != want {
				t.Errorf("cut at %d: head %v", cut, head)
			}
			if int64(n) != end {
				t.Errorf("cut at %d: %d bytes are kept, want %d", cut, n, end)
			}
		}
	}
}

// A chunk that is damaged ends what is kept, and so does a trailer that is of something else.
func TestScanStopsAtDamage(t *testing.T) {
	h, d := birth(t)
	d.state = make([]byte, 2*wire.MaxChunk)
	whole := snapshotBytes(t, h)
	_, all := ScanSnapshot(bytes.NewReader(whole))
	second := int64(len(whole)) - trailerSize - chunkedLen(wire.MaxChunk)
	for at, want := range map[int64]int64{0: 0, 20: 0, second + 100: second, int64(len(whole)) - 1: int64(len(whole)) - trailerSize} {
		damaged := bytes.Clone(whole)
		damaged[at]++
		if _, n := ScanSnapshot(bytes.NewReader(damaged)); int64(n) != want || int64(all) != int64(len(whole)) {
			t.Errorf("damage at %d: %d of %d bytes are kept, want %d", at, n, all, want)
		}
	}
}
