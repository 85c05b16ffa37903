//go:build linux && !race

package kinds

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// residentRole tells a process of the test binary to play one side of a move and to print its
// peak resident memory; residentSize overrides the size of the state, for measuring by hand.
const (
	residentRole = "KINDS_RESIDENT_ROLE"
	residentSize = "KINDS_RESIDENT_SIZE"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(residentRole); role != "" {
		if err := playResident(role, stateSize()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func stateSize() uint64 {
	if n, ok := parseSize([]byte(os.Getenv(residentSize))); ok {
		return n
	}
	return 256 << 20
}

// Neither side of a move holds more than 1.25 times the state and 64 MiB, with 60,000 events
// (half a minute at 2,000 a second) while the snapshot is written.
func TestResidentMemory(t *testing.T) {
	size := stateSize()
	for _, role := range []string{"source", "target"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), residentRole+"="+role)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", role, err, out)
		}
		peak, err := strconv.ParseUint(string(bytes.TrimSpace(out)), 10, 64)
		if err != nil {
			t.Fatalf("%s: %q", role, out)
		}
		t.Logf("%s: state %d MiB, peak %.1f MiB", role, size>>20, float64(peak)/(1<<20))
		if peak < size || peak > size+size/4+64<<20 {
			t.Errorf("%s: peak of %d bytes for a state of %d", role, peak, size)
		}
	}
}

func playResident(role string, size uint64) error {
	l := NewLedger()
	run := map[string]func(*Ledger, uint64) error{"source": residentSource, "target": residentTarget}[role]
	if err := run(l, size); err != nil {
		return err
	}
	if err := l.Check(); err != nil {
		return err
	}
	peak, err := peakResident()
	fmt.Println(peak)
	return err
}

// busyWriter makes transfers each time something is written to it, as they come in while a
// snapshot is on its way.
type busyWriter struct {
	l     *Ledger
	load  *Load
	seq   uint64
	each  int
	total int
}

func (w *busyWriter) Write(p []byte) (int, error) {
	for i := 0; i < w.each && w.total > 0; i++ {
		w.seq++
		w.total--
		ev := feed(nil, nil).event(w.load.Next(nil))
		ev.Link.Sequence, ev.ProducerSeq = w.seq, w.seq
		if _, err := w.l.Process(ev); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func residentSource(l *Ledger, size uint64) error {
	load, err := NewLoad("ledger", 1, size)
	if err != nil {
		return err
	}
	if _, err := l.Process(feed(nil, nil).event(openPayload(size))); err != nil {
		return err
	}
	v, err := l.Snapshot()
	if err != nil {
		return err
	}
	// Twice, since a view may be written again; the events come with the first writing.
	const events = 60_000
	busy := &busyWriter{l: l, load: load, seq: 1, each: 2 + events*(64<<10)/int(size), total: events}
	for _, w := range []io.Writer{busy, io.Discard} {
		if _, err := v.WriteTo(w); err != nil {
			return err
		}
	}
	if busy.total > 0 {
		return fmt.Errorf("%d events left", busy.total)
	}
	return v.(io.Closer).Close()
}

// residentTarget restores a state that is made up as it is read.
func residentTarget(l *Ledger, size uint64) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeOpened(w, size/accountSize)) }()
	return l.Restore(bufio.NewReaderSize(r, 256<<10))
}

// writeOpened writes the state of a ledger as its opening leaves it.
func writeOpened(w io.Writer, accounts uint64) error {
	s := newSealWriter(w, ledgerMagic, new(Audit).Append(nil))
	for _, n := range [...]uint64{accounts, 10, 0} {
		s.write(binary.BigEndian.AppendUint64(nil, n))
	}
	b := newBook(accounts, 10)
	var rec [accountSize]byte
	for n := range accounts {
		b.openRecords(n, rec[:])
		s.write(rec[:])
	}
	_, err := s.finish()
	return err
}

// peakResident returns the most memory this process ever had resident, in bytes.
func peakResident() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in %q", status)
}

// Closing a ledger gives its memory back at once, without waiting for the collector.
func TestCloseGivesMemoryBack(t *testing.T) {
	_, l := openLedger(t, 1<<20, 1) // 64 MiB
	held, err := currentResident()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	left, err := currentResident()
	if err != nil || held-left < 60<<20 || left > held {
		t.Errorf("%d bytes resident, %d after Close, %v", held, left, err)
	}
}

// A ledger that was dropped without Close gives its memory back with the next collections.
func TestForgottenLedgerIsFreed(t *testing.T) {
	openAndForget(t, 64<<20)
	held, err := currentResident()
	if err != nil {
		t.Fatal(err)
	}
	// The cleanup runs on its own goroutine some time after the collection that finds it.
	for range 1000 {
		runtime.GC()
		left, err := currentResident()
		if err != nil {
			t.Fatal(err)
		}
		if held > left && held-left > 60<<20 {
			return
		}
	}
	t.Errorf("%d bytes resident, and none of it came back", held)
}

// openAndForget has a frame of its own, so that nothing of the ledger stays on the stack.
//
//go:noinline
func openAndForget(t *testing.T, size uint64) {
	l := NewLedger()
	if _, err := l.open(size, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Snapshot(); err != nil { // a view that no one closes
		t.Fatal(err)
	}
}

func currentResident() (uint64, error) {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages uint64
	_, err = fmt.Sscan(string(raw), &size, &pages)
	return pages * uint64(os.Getpagesize()), err
}
