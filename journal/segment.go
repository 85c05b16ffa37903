package journal

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
)

// Sizes and magics of the files. Frozen.
const (
	segmentMagic = "ferrylog"
	groupMagic   = "\xf1grp"
	closedMagic  = "ferryend"
	version      = 1

	segmentHeader = 8 + 1 + 8 + 8 + 8 + 8 + 8 + 8 + sumSize
	groupHeader   = 4 + 8 + 4 + sumSize
	closedSize    = 8 + 8 + 8 + 8 + sumSize
)

// Names of files and folders.
const (
	logDir     = "log"
	copiesDir  = "copies"
	closedName = "closed"
	newSuffix  = ".new"
)

// segment is the header of a segment.
type segment struct {
	number uint64
	group  uint64 // number of its first group
	first  uint64 // the first segment that was needed when this one was begun
	max    CopyID // the highest id of a copy when this one was begun
	size   int64  // to which the file is preallocated
	salt   uint64 // goes into the checksum of each group's header
}

func segmentName(number uint64) string { return fmt.Sprintf("%s/%08d.log", logDir, number) }

// segmentNumber reads the name of a segment, which has only one form.
func segmentNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".log")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, ok && err == nil && segmentName(n) == logDir+"/"+name
}

// append appends the header of the segment:
//
//	magic 8 | version 1 | number 8 | first group 8 | first segment needed 8 | highest copy 8 | size 8 | salt 8 | xxhash 8
func (s *segment) append(dst []byte) []byte {
	start := len(dst)
	dst = append(append(dst, segmentMagic...), version)
	for _, v := range [...]uint64{s.number, s.group, s.first, uint64(s.max), uint64(s.size), s.salt} {
		dst = codec.AppendUint64(dst, v)
	}
	return codec.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// parseSegment reads the header of the segment of a number, or says what is wrong with it.
func parseSegment(b []byte, number uint64) (s segment, wrong string) {
	c := codec.NewCursor(b)
	magic := c.Take(len(segmentMagic))
	v := c.Uint8()
	s = segment{number: c.Uint64(), group: c.Uint64(), first: c.Uint64(), max: CopyID(c.Uint64()), size: int64(c.Uint64()), salt: c.Uint64()}
	sum := c.Uint64()
	switch {
	case c.Err() != nil:
		return s, "it ends within its header"
	case string(magic) != segmentMagic:
		return s, "it does not begin as a segment"
	case xxhash.Sum64(b[:segmentHeader-sumSize]) != sum:
		return s, "the checksum of its header is wrong"
	case v != version:
		return s, fmt.Sprintf("it has version %d, and this program knows %d", v, version)
	case s.number != number:
		return s, fmt.Sprintf("it is segment %d under another name", s.number)
	case s.first > number || s.size < segmentHeader:
		return s, "its header contradicts itself"
	}
	return s, ""
}

// putGroup writes the header of a group into its place:
//
//	magic 4 | number 8 | length 4 | xxhash 8 of salt, number and length
func putGroup(dst []byte, salt, number uint64, length int) {
	copy(dst, groupMagic)
	binary.BigEndian.PutUint64(dst[4:], number)
	binary.BigEndian.PutUint32(dst[12:], uint32(length))
	binary.BigEndian.PutUint64(dst[16:], groupSum(salt, dst))
}

func groupSum(salt uint64, header []byte) uint64 {
	var b [8 + 12]byte
	binary.BigEndian.PutUint64(b[:], salt)
	copy(b[8:], header[4:16])
	return xxhash.Sum64(b[:])
}

// parseGroup reads the header of a group at the start of b.
func parseGroup(b []byte, salt uint64) (number uint64, length int64, ok bool) {
	if len(b) < groupHeader || string(b[:4]) != groupMagic {
		return 0, 0, false
	}
	if binary.BigEndian.Uint64(b[16:]) != groupSum(salt, b) {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(b[4:]), int64(binary.BigEndian.Uint32(b[12:])), true
}

// ending is where a journal was closed.
type ending struct {
	seg   uint64
	off   int64
	group uint64 // the number that comes next
}

// append appends the content of the file that says so: magic 8 | segment 8 | offset 8 | next group 8 | xxhash 8.
func (e ending) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, closedMagic...)
	dst = codec.AppendUint64(dst, e.seg)
	dst = codec.AppendUint64(dst, uint64(e.off))
	dst = codec.AppendUint64(dst, e.group)
	return codec.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

func parseEnding(b []byte) (e ending, ok bool) {
	if len(b) != closedSize || string(b[:8]) != closedMagic {
		return e, false
	}
	e.seg = binary.BigEndian.Uint64(b[8:])
	e.off = int64(binary.BigEndian.Uint64(b[16:]))
	e.group = binary.BigEndian.Uint64(b[24:])
	return e, binary.BigEndian.Uint64(b[32:]) == xxhash.Sum64(b[:32])
}

// readAll reads a whole file.
func readAll(disk Disk, name string) (b []byte, err error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = joinClose(err, f) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b = make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF && int64(n) == size {
		err = nil
	}
	return b, err
}
