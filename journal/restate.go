package journal

import "bytes"

// restate restates every row that lives in a segment up to the given one. The new segment grows as it must.
func (j *Journal) restate(through uint64) {
	for _, id := range j.fold.ids() {
		if e := j.fold.copies[id]; e.row <= through {
			j.restateRow(restated{e.Copy, e.head})
		}
	}
	for _, origin := range j.fold.origins() {
		if t := j.fold.tombs[origin]; t.seg <= through {
			j.restateRow(t.Tombstone)
		}
	}
}

// restateRow appends one row, and folds it like any record.
func (j *Journal) restateRow(r Record) {
	at := j.place(appendRecord(nil, r, true))
	j.must(j.fold.apply(r, at))
}

// restate takes a restated row. Of a copy that the log has introduced it must say what the log says; a partial
// copy it completes, if the events that are left lead to its head. Some may be gone from between its base and
// its head, if a later base has replaced them: check has the last word.
func (f *fold) restate(r restated, at place) error {
	e := f.copies[r.Copy.ID]
	if e == nil {
		if f.whole || r.Copy.ID == 0 {
			return errRestated
		}
		e = &entry{partial: true}
	}
	if !e.partial {
		if !bytes.Equal(appendRestated(nil, &r.Copy, r.Head), appendRestated(nil, &e.Copy, e.head)) {
			return errRestated
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
func (f *fold) complete(e *entry, r restated) error {
	if e.known() && e.head != r.Head {
		return errRestated
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
	return errRestated
}
