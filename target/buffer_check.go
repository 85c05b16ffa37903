package target

import "fmt"

// check returns the first invariant of [Buffer] that does not hold. It walks everything, and is for tests.
func (b *Buffer) check() error {
	if b.next != nil && !b.Expects(b.next.Link.Sequence) {
		return fmt.Errorf("B1: next has sequence %d at cursor %d", b.next.Link.Sequence, b.cursor)
	}
	if b.next != nil && b.next != &b.own && b.ring.at(b.cursor+1) != b.next {
		return fmt.Errorf("B1: next lies neither in its own place nor in the ring")
	}
	events, bytes, err := b.ring.check(b.cursor, b.maxEvents)
	if b.next != nil && b.next != &b.own {
		events, bytes = events-1, bytes-int64(len(b.next.Payload))
	}
	switch {
	case err != nil:
		return err
	case events != b.events || uint64(events) > b.maxEvents:
		return fmt.Errorf("B3: %d events found, %d counted, cap %d", events, b.events, b.maxEvents)
	case bytes != b.bytes || bytes > b.maxBytes:
		return fmt.Errorf("B3: %d bytes found, %d counted, cap %d", bytes, b.bytes, b.maxBytes)
	}
	return b.checkCharge()
}

// checkCharge tests B5 and B6.
func (b *Buffer) checkCharge() error {
	want := b.ring.memory() + b.Bytes()
	if b.next == &b.own {
		want += eventOverhead
	}
	switch {
	case b.charged != want:
		return fmt.Errorf("B5: charged %d, holds %d", b.charged, want)
	case b.ledger.limit != unlimited && b.charged > b.ledger.used.Load():
		return fmt.Errorf("B5: charged %d, the ledger has %d", b.charged, b.ledger.used.Load())
	case b.Len() == 0 && b.charged != 0:
		return fmt.Errorf("B6: empty, charged %d", b.charged)
	}
	return nil
}

// check tests B2 and B4 and returns what it found on the way, the next event included.
func (r *ring) check(cursor, maxEvents uint64) (events int, bytes int64, err error) {
	for i, p := range r.dir {
		if p == nil {
			continue
		}
		if int(p.number)&(len(r.dir)-1) != i {
			return 0, 0, fmt.Errorf("B2: page %d lies at %d of %d", p.number, i, len(r.dir))
		}
		n, size, err := p.check(cursor, maxEvents)
		if err != nil {
			return 0, 0, err
		}
		events, bytes = events+n, bytes+size
	}
	if events != r.events {
		return 0, 0, fmt.Errorf("B4: the ring holds %d events, counts %d", events, r.events)
	}
	return events, bytes, nil
}

// check tests one page: each event is in the slot of its sequence and within the window.
func (p *page) check(cursor, maxEvents uint64) (events int, bytes int64, err error) {
	for i := range p.slots {
		seq, payload := p.slots[i].Link.Sequence, p.slots[i].Payload
		switch {
		case p.held>>i&1 == 0 && payload != nil:
			return 0, 0, fmt.Errorf("B4: free slot %d of page %d keeps a payload", i, p.number)
		case p.held>>i&1 == 0:
			continue
		case pageOf(seq) != p.number || int(seq%pageSlots) != i:
			return 0, 0, fmt.Errorf("B2: %d lies in slot %d of page %d", seq, i, p.number)
		case seq <= cursor || seq-cursor-1 > maxEvents:
			return 0, 0, fmt.Errorf("B2: %d is held at cursor %d, cap %d", seq, cursor, maxEvents)
		}
		events, bytes = events+1, bytes+int64(len(payload))
	}
	if p.held == 0 {
		return 0, 0, fmt.Errorf("B4: page %d is empty", p.number)
	}
	return events, bytes, nil
}
