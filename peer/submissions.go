package peer

import "github.com/ferrymesh/ferry/node"

// submissions are the batches that the core has, and the producers that may have another one for it. Owned
// by the loop until that has ended.
type submissions struct {
	given map[uint64]*batch // by request
	ready []*Producer       // in order; one may be in it twice
}

// always can be received from at any time.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// again is ready while a producer may have a batch. The loop takes one at a time, so that producers that are
// answered at once, and submit again, do not keep it from everything else.
func (s *submissions) again() <-chan struct{} {
	if len(s.ready) == 0 {
		return nil
	}
	return always
}

// add notes that a producer may have a batch.
func (s *submissions) add(r *Producer) { s.ready = append(s.ready, r) }

// next returns the next batch as an input for the core, nil if there is none after all.
func (s *submissions) next(p *Peer) node.Input {
	r := s.ready[0]
	id := p.requests.Add(1)
	b := r.take(id)
	if b == nil {
		s.ready = s.ready[1:]
		return nil
	}
	if s.given == nil {
		s.given = make(map[uint64]*batch)
	}
	s.given[id] = b
	return node.Submit{Request: id, Origin: r.origin, Label: r.opt.Label, Items: b.items, Via: r.opt.Via}
}

// answer passes a reply to the batch it is for; it reports false if there is none. A producer whose batch has
// been answered may have the next one ready.
func (s *submissions) answer(r node.Reply) bool {
	b := s.given[r.Request]
	if b == nil {
		return false
	}
	if b.answer(r) {
		delete(s.given, r.Request)
		s.add(b.producer)
	}
	return true
}

// failSubmissions answers everything that is unanswered once the loop has ended.
func (p *Peer) failSubmissions() {
	for _, b := range p.submissions.given {
		b.fail()
		b.producer.close()
	}
	for _, r := range p.submissions.ready { // its last batch was answered, and the next one not looked for
		r.close()
	}
	for {
		select {
		case it := <-p.items:
			if it.from != nil {
				it.from.close()
			}
		default:
			return
		}
	}
}
