package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/ferrymesh/ferry/directory"
)

// The layout of bbolt's pages, in the byte order of the machine:
//
//	page    id 8 | kind 2 | count 2 | further pages 4 | elements | keys and values
//	meta    magic 4 | version 4 | page size 4 | flags 4 | root bucket 16 | free list 8 | end 8 | transaction 8 | FNV-1a of these 56 bytes
//	branch  position 4 | length of the key 4 | page 8
//	leaf    flags 4 | position 4 | length of the key 4 | of the value 4
//	bucket  root page 8 | sequence 8 | its only page, if the root is 0
const (
	pageHeader    = 16
	elementLength = 16 // of branches and leaves
	bucketHeader  = 16
	metaLength    = 64
	metaSum       = 56

	kindBranch = 0x01
	kindLeaf   = 0x02
	kindFree   = 0x10

	leafBucket = 0x01              // flag of a leaf element
	noFreeList = ^uint64(0)        // the database finds the free pages itself
	longList   = uint16(1<<16 - 1) // the count of a free list is in its first element
)

var order = binary.NativeEndian

// checkPages refuses a file that bbolt must not see. bbolt believes its pages: with a
// bit flipped it follows a circle for ever, or asks for more memory than there is,
// which ends the process and not only the call. What the pages hold is verified
// later, record by record; here every page that can be reached has to be one page of one
// tree, and everything in it has to lie within it.
//
// With both meta pages asked for, one damaged one is refused as well. bbolt would
// go on from the other, which is the state before the last transaction: a
// decision would be forgotten without a trace. A crash does not leave that
// behind, because the bytes of one meta are in one sector.
func checkPages(file io.ReaderAt, size int64, both bool) error {
	metas, err := readMetas(file, size)
	if err != nil && (both || len(metas) == 0) {
		return err
	}
	newest := metas[0]
	if len(metas) == 2 {
		if metas[0].tx != metas[1].tx+1 && metas[1].tx != metas[0].tx+1 {
			return damaged("meta pages of transactions %d and %d", metas[0].tx, metas[1].tx)
		}
		if metas[1].tx > metas[0].tx {
			newest = metas[1]
		}
	}
	return newest.check(file, size)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", directory.ErrDamaged, fmt.Sprintf(format, args...))
}

// metaPage is where a state of the file begins.
type metaPage struct {
	pageSize            uint64
	root, free, end, tx uint64
}

// readMetas returns the meta pages that are whole, and an error if one is not.
func readMetas(file io.ReaderAt, size int64) (metas []metaPage, first error) {
	second := int64(0)
	for i := range 2 {
		if i == 1 {
			second = secondMeta(file, size, metas)
		}
		m, err := readMeta(file, second)
		switch {
		case err == nil:
			metas = append(metas, m)
		case first == nil:
			first = damaged("meta page %d: %v; the last decision may be lost, so open the file for recovery", i, err)
		}
	}
	return metas, first
}

// secondMeta returns where the second meta page begins. If the first one cannot tell, it is looked for, as bbolt does.
func secondMeta(file io.ReaderAt, size int64, metas []metaPage) int64 {
	if len(metas) == 1 {
		return int64(metas[0].pageSize)
	}
	for at := int64(1 << 10); at <= 1<<24 && at < size; at <<= 1 {
		if m, err := readMeta(file, at); err == nil && int64(m.pageSize) == at {
			return at
		}
	}
	return size // where nothing is
}

func readMeta(file io.ReaderAt, at int64) (m metaPage, err error) {
	b := make([]byte, metaLength)
	if _, err := file.ReadAt(b, at+pageHeader); err != nil {
		return m, err
	}
	sum := fnv.New64a()
	sum.Write(b[:metaSum]) // a hash never fails
	m = metaPage{uint64(order.Uint32(b[8:])), order.Uint64(b[16:]), order.Uint64(b[32:]), order.Uint64(b[40:]), order.Uint64(b[48:])}
	if order.Uint64(b[metaSum:]) != sum.Sum64() || m.pageSize < 1<<10 || m.pageSize > 1<<24 {
		return m, fmt.Errorf("the checksum does not match")
	}
	return m, nil
}

// check walks through every page that can be reached.
func (m metaPage) check(file io.ReaderAt, size int64) error {
	if m.end < 2 || m.end > uint64(size)/m.pageSize {
		return damaged("%d pages of %d bytes in a file of %d bytes", m.end, m.pageSize, size)
	}
	w := walk{file: file, pageSize: m.pageSize, seen: make([]bool, m.end)}
	w.seen[0], w.seen[1] = true, true
	if err := w.freeList(m.free); err != nil {
		return err
	}
	return w.tree(m.root)
}

// walk is one pass over the pages. No page is visited twice, which bounds its time and its depth.
type walk struct {
	file     io.ReaderAt
	pageSize uint64
	seen     []bool
}

// page is one page with those that continue it.
type page []byte

func (p page) kind() uint16 { return order.Uint16(p[8:]) }
func (p page) count() int   { return int(order.Uint16(p[10:])) }

// element returns one element of a branch or leaf, and the first byte that its key and value may begin at.
func (p page) element(i int) (e []byte, at uint64) {
	at = uint64(pageHeader + i*elementLength)
	return p[at : at+elementLength], at
}

// holds reports whether there is room for the elements that the page counts.
func (p page) holds() bool { return pageHeader+p.count()*elementLength <= len(p) }

// read returns a page that was not visited yet.
func (w *walk) read(id uint64) (page, error) {
	header := make([]byte, pageHeader)
	if id >= uint64(len(w.seen)) {
		return nil, damaged("page %d of %d", id, len(w.seen))
	}
	if _, err := w.file.ReadAt(header, int64(id*w.pageSize)); err != nil {
		return nil, fmt.Errorf("bolt: %w", err)
	}
	further := uint64(order.Uint32(header[12:]))
	if order.Uint64(header) != id || further >= uint64(len(w.seen))-id {
		return nil, damaged("page %d calls itself %d and has %d more", id, order.Uint64(header), further)
	}
	for i := id; i <= id+further; i++ {
		if w.seen[i] {
			return nil, damaged("page %d is used twice", i)
		}
		w.seen[i] = true
	}
	p := make(page, (1+further)*w.pageSize)
	if _, err := w.file.ReadAt(p, int64(id*w.pageSize)); err != nil {
		return nil, fmt.Errorf("bolt: %w", err)
	}
	return p, nil
}

// freeList checks the list of free pages, in which no page may be that is in use.
func (w *walk) freeList(id uint64) error {
	if id == noFreeList {
		return nil
	}
	p, err := w.read(id)
	if err != nil {
		return err
	}
	count, at := uint64(p.count()), uint64(pageHeader)
	if uint16(count) == longList {
		count, at = order.Uint64(p[at:]), at+8
	}
	if p.kind() != kindFree || count > (uint64(len(p))-at)/8 {
		return damaged("list of free pages of kind %d with %d of them", p.kind(), count)
	}
	for ; count > 0; count, at = count-1, at+8 {
		free := order.Uint64(p[at:])
		if free >= uint64(len(w.seen)) || w.seen[free] {
			return damaged("page %d cannot be free", free)
		}
		w.seen[free] = true
	}
	return nil
}

// tree checks a page and those below it.
func (w *walk) tree(id uint64) error {
	p, err := w.read(id)
	if err != nil {
		return err
	}
	if p.kind() == kindLeaf {
		return w.leaf(p)
	}
	if p.kind() != kindBranch || p.count() == 0 || !p.holds() {
		return damaged("page %d of kind %d with %d elements", id, p.kind(), p.count())
	}
	for i := range p.count() {
		e, at := p.element(i)
		if !within(p, at, order.Uint32(e), order.Uint32(e[4:])) {
			return damaged("branch %d of page %d is outside of it", i, id)
		}
		if err := w.tree(order.Uint64(e[8:])); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf, and the buckets that begin in it.
func (w *walk) leaf(p page) error {
	if !p.holds() {
		return damaged("leaf with %d elements", p.count())
	}
	for i := range p.count() {
		e, at := p.element(i)
		flags, position, key, value := order.Uint32(e), order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		if !within(p, at, position, key, value) {
			return damaged("element %d of a leaf is outside of it", i)
		}
		if flags&leafBucket == 0 {
			continue
		}
		begin := at + uint64(position) + uint64(key)
		if err := w.bucket(p[begin : begin+uint64(value)]); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket: a tree of its own, or one leaf within its value.
func (w *walk) bucket(b page) error {
	if len(b) < bucketHeader {
		return damaged("bucket of %d bytes", len(b))
	}
	if root := order.Uint64(b); root != 0 {
		return w.tree(root)
	}
	inner := b[bucketHeader:]
	if len(inner) < pageHeader || inner.kind() != kindLeaf {
		return damaged("bucket without a page")
	}
	return w.leaf(inner)
}

// within reports whether something that begins so far from an element, with parts of these lengths, ends in the page.
func within(p page, at uint64, position uint32, lengths ...uint32) bool {
	end := at + uint64(position)
	for _, n := range lengths {
		end += uint64(n)
	}
	return end <= uint64(len(p))
}
