package kinds

import (
	"encoding/binary"
	"sync/atomic"
)

// An image is an account as it was, in a slab of its own: 4 bytes link to the next image of the
// same page (0 for none), 4 bytes number within the page, then the 64 bytes of the account.
const (
	imageSize     = 8 + accountSize
	slabImages    = 14 << 10
	imageSlabSize = slabImages * imageSize // 1,008 KiB, whole pages of the system
)

// shadow holds the before-images of one view: what accounts were when the view was taken, for
// those that have changed since. An account costs 72 bytes however often it changes, and
// nothing until it does. The images lie outside of the Go heap, as the accounts do.
//
// Marks and images of a page are guarded by the page's stripe. One stripe's images lie among
// those of others, so a place in the list of their slabs is written once, before the first link
// to an image there; who follows a link under the stripe's lock finds it written.
type shadow struct {
	open   bool                        // its view is not closed
	groups []atomic.Pointer[markGroup] // by page; a group exists once one of its pages has changed
	images *slabs
	used   uint32 // images taken, the first is number 1; used by the ledger alone
}

// groupPages is how many pages share one allocation of marks: 16 KiB for 4 MiB of accounts.
const groupPages = 1024

type markGroup [groupPages]shadowed

// shadowed tells of one page which accounts have an image and where the images begin.
type shadowed struct {
	saved uint64 // bit i: account i of the page
	first uint32 // newest image, 0 for none
}

func newShadow(pages uint64) *shadow {
	s := &shadow{open: true, groups: make([]atomic.Pointer[markGroup], divUp(pages, groupPages))}
	s.images = newSlabs(s, divUp(pages*pageAccounts, slabImages), min(imageSlabSize, pages*pageAccounts*imageSize))
	return s
}

// save keeps rec, the present record of account n, unless the shadow has an older one. Only the
// ledger calls it, under the account's lock.
func (s *shadow) save(n uint64, rec []byte) error {
	mark, bit := s.mark(n/pageAccounts), n%pageAccounts
	if mark.saved>>bit&1 != 0 {
		return nil
	}
	if int(s.used) == s.images.used*slabImages {
		if err := s.images.grow(); err != nil {
			return err
		}
	}
	s.used++
	image := s.image(s.used)
	binary.LittleEndian.PutUint32(image, mark.first)
	binary.LittleEndian.PutUint32(image[4:], uint32(bit))
	copy(image[8:], rec)
	mark.saved |= 1 << bit
	mark.first = s.used
	return nil
}

// mark returns the marks of a page, to write.
func (s *shadow) mark(page uint64) *shadowed {
	group := s.groups[page/groupPages].Load()
	if group == nil {
		group = new(markGroup)
		s.groups[page/groupPages].Store(group)
	}
	return &group[page%groupPages]
}

// image returns image number k, from 1 on.
func (s *shadow) image(k uint32) []byte {
	at := int(k-1) % slabImages * imageSize
	return s.images.list[int(k-1)/slabImages][at : at+imageSize]
}

// restore lays the images of one page over dst, which holds the accounts of that page.
func (s *shadow) restore(page uint64, dst []byte) {
	group := s.groups[page/groupPages].Load()
	if group == nil {
		return
	}
	for k := group[page%groupPages].first; k != 0; {
		image := s.image(k)
		at := binary.LittleEndian.Uint32(image[4:]) * accountSize
		copy(dst[at:at+accountSize], image[8:])
		k = binary.LittleEndian.Uint32(image)
	}
}

// openShadow begins a view of the book as it is now.
func (b *book) openShadow() *shadow {
	s := newShadow(b.pages())
	b.locks.lockAll()
	defer b.locks.unlockAll()
	b.shadows = append(b.shadows, s)
	b.users++
	return s
}

// closeShadow ends a view. It reports false if the view was closed before. What the shadow
// holds may still be needed by an older view, so shadows go from the oldest on.
func (b *book) closeShadow(s *shadow) bool {
	b.locks.lockAll()
	defer b.locks.unlockAll()
	if !s.open {
		return false
	}
	s.open = false
	for len(b.shadows) > 0 && !b.shadows[0].open {
		b.shadows[0].images.free()
		b.shadows[0].groups = nil
		b.shadows[0] = nil
		b.shadows = b.shadows[1:]
	}
	return true
}

// read copies the stripe of accounts that begins with number first into dst, as they were when
// s was opened, and returns how many bytes that were. It reports false once the view is closed.
func (b *book) read(s *shadow, first uint64, dst *[stripeAccounts * accountSize]byte) (int, bool) {
	lock := b.locks.of(first)
	lock.Lock()
	defer lock.Unlock()
	if !s.open {
		return 0, false
	}
	n := copy(dst[:], b.run(first))
	// Newest first: where two shadows have an image of one account, the older one is the
	// earlier state and must win.
	for k := len(b.shadows) - 1; ; k-- {
		for at := 0; at < n; at += pageSize {
			b.shadows[k].restore((first+uint64(at/accountSize))/pageAccounts, dst[at:n])
		}
		if b.shadows[k] == s {
			return n, true
		}
	}
}
