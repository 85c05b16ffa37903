package directory

import (
	"context"
	"sync"
)

// memory is a Store without a disk. It keeps encoded records, as the others do, so
// that what works over it works over them.
type memory struct {
	mu    sync.Mutex
	rows  map[uint64][]byte
	moves map[[2]uint64][]byte // by origin and epoch
	wake  Wake
}

// NewMemory returns an empty directory in memory, for tests and simulations: its
// answers depend on the calls alone.
func NewMemory() *Table {
	return NewTable(&memory{rows: make(map[uint64][]byte), moves: make(map[[2]uint64][]byte)})
}

// View implements Store.
func (m *memory) View(ctx context.Context, origin uint64, f func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return f(memoryReader{m, origin})
}

// Update implements Store.
func (m *memory) Update(ctx context.Context, origin uint64, f func(Reader) (*Change, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	change, err := f(memoryReader{m, origin})
	if err != nil || change == nil {
		return err
	}
	m.rows[origin] = AppendRow(nil, change.Row)
	for _, move := range change.Moves {
		m.moves[[2]uint64{origin, move.Epoch}] = AppendMove(nil, move)
	}
	m.wake.Wake()
	return nil
}

// Changed implements Store.
func (m *memory) Changed(context.Context, uint64) (<-chan struct{}, error) {
	return m.wake.Changed(), nil
}

type memoryReader struct {
	m      *memory
	origin uint64
}

func (r memoryReader) Row() (*Row, error) {
	b, ok := r.m.rows[r.origin]
	if !ok {
		return nil, nil
	}
	return DecodeRow(b, r.origin)
}

func (r memoryReader) Move(epoch uint64) (*Move, error) {
	b, ok := r.m.moves[[2]uint64{r.origin, epoch}]
	if !ok {
		return nil, nil
	}
	return DecodeMove(b, r.origin, epoch)
}

// Wake tells those who wait for a change, in stores that one process has to
// itself. The zero value is ready to use.
type Wake struct {
	mu      sync.Mutex
	changed chan struct{} // nil while nobody waits
}

// Wake closes the channel that Changed returned.
func (w *Wake) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// Changed returns a channel that the next Wake closes.
func (w *Wake) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}
