package journal

import (
	"io"

	"github.com/cespare/xxhash/v2"

	"github.com/ferrymesh/ferry/codec"
	"github.com/ferrymesh/ferry/crypto"
)

// eventReader reads the events of one copy from where they are in the log.
type eventReader struct {
	disk Disk
	head crypto.Head
	file File
	seg  uint64
}

func (r *eventReader) run(places []place, f func(Event) error) (err error) {
	defer func() {
		if r.file != nil {
			err = joinClose(err, r.file)
		}
	}()
	for _, at := range places {
		e, err := r.read(at)
		if err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// read reads one event and checks that it follows.
func (r *eventReader) read(at place) (e Event, err error) {
	if r.file == nil || r.seg != at.seg {
		if err := r.turn(at.seg); err != nil {
			return e, err
		}
	}
	b := make([]byte, at.body+at.size+sumSize)
	if _, err := r.file.ReadAt(b, at.off); err != nil && err != io.EOF {
		return e, err
	}
	c := codec.NewCursor(b[at.body+at.size:])
	if c.Uint64() != xxhash.Sum64(b[:at.body+at.size]) {
		return e, &DamageError{segmentName(at.seg), at.off, "it is not what it was when the journal was opened"}
	}
	rec, err := decodeRecord(typeEvent, b[at.body:at.body+at.size])
	if err != nil {
		return e, &DamageError{segmentName(at.seg), at.off, err.Error()}
	}
	e = rec.(Event)
	if err := r.head.CheckLink(e.Event.Link); err != nil {
		return e, &DamageError{segmentName(at.seg), at.off, err.Error()}
	}
	r.head = crypto.Head{Origin: r.head.Origin, Sequence: e.Event.Link.Sequence, Digest: e.Event.Digest(), Outputs: e.Outputs}
	return e, nil
}

func (r *eventReader) turn(seg uint64) error {
	if r.file != nil {
		if err := r.file.Close(); err != nil {
			return err
		}
		r.file = nil
	}
	f, err := r.disk.Open(segmentName(seg))
	if err != nil {
		return err
	}
	r.file, r.seg = f, seg
	return nil
}
