package journal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ferrymesh/ferry/journal"
	"github.com/ferrymesh/ferry/journal/crashdisk"
)

// TestVerifyBlamesWhatIsDamaged: what rests on damaged records of its copy, such as a promise about a head that nothing
// leads to any more, is not damaged itself.
func TestVerifyBlamesWhatIsDamaged(t *testing.T) {
	disk := crashdisk.New()
	j := open(t, disk, journal.Config{})
	c := newChain(j.Next())
	wait(t, j, j.Append(c.born(), c.base(nil)))
	wait(t, j, j.Append(c.event([]byte("the first"))))
	wait(t, j, j.Append(c.event([]byte("the second"))))
	wait(t, j, j.Append(c.promise(1)))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	const name = "log/00000000.log"
	content := disk.Read(name)
	content[bytes.Index(content, []byte("the first"))] ^= 1
	disk.Write(name, content)
	report, err := journal.Verify(disk)
	if !errors.Is(err, journal.ErrDamaged) {
		t.Fatalf("Verify: %v, want ErrDamaged", err)
	}
	promise := int64(bytes.LastIndex(content, []byte("\xf1grp")))
	for _, d := range report.Damage {
		if d.Offset >= promise {
			t.Errorf("%v, and nothing is wrong there", d)
		}
	}
}
