package journal

import (
	"bytes"
	"fmt"
)

// carry takes a restated row. Of a copy that the log has introduced it must say what the log says; a partial
// copy it completes, if the events that are left lead to its head. Some may be gone from between its base and
// its head, if a later base has replaced them: check has the last word.
func (f *fold) carry(r carried, at place) error {
	e := f.copies[r.Copy.ID]
	if e == nil {
		if f.whole || r.Copy.ID == 0 {
			return errCarried
		}
		e = &entry{partial: true}
	}
	if !e.partial {
		if !bytes.Equal(appendCarried(nil, &r.Copy, r.Head), appendCarried(nil, &e.Copy, e.head)) {
			return errCarried
		}
		f.leave(e.row)
	} else if err := f.complete(e, r); err != nil {
		return err
	}
	e.row = at.seg
	f.live[at.seg]++
	return nil
}

// complete turns a partial copy into a whole one.
func (f *fold) complete(e *entry, r carried) error {
	if e.known() && e.head != r.Head {
		return errCarried
	}
	e.Copy, e.head, e.partial = r.Copy, r.Head, false
	f.copies[e.ID] = e
	f.max = max(f.max, e.ID)
	switch {
	case e.Base != nil && e.Last >= e.Base.Head.Sequence:
		f.prune(e)
		return nil
	case e.Base == nil && len(e.spans) == 0:
		return nil
	}
	return errCarried
}

// trim notes that the segments below are not needed.
func (f *fold) trim(first uint64) error {
	if first < f.first {
		return errTrimmed
	}
	if f.whole {
		for seg := range f.live {
			if seg < first {
				return fmt.Errorf("%w: %d", errTrimmed, seg)
			}
		}
	}
	f.first = first
	return nil
}

// check looks for what is still incomplete at the end of the log.
func (f *fold) check() error {
	for _, id := range f.ids() {
		e := f.copies[id]
		if e.partial {
			return fmt.Errorf("the log never says where copy %d came from", id)
		}
		if e.Base == nil {
			continue
		}
		if behind := e.Last - e.Base.Head.Sequence; behind != uint64(len(e.events)) {
			return fmt.Errorf("of copy %d there are %d events behind its base, and %d are needed", id, len(e.events), behind)
		}
	}
	return nil
}
