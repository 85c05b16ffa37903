package attack

import (
	"testing"

	"github.com/ferrymesh/ferry/wire"
)

// questions is the limit of package node of what one peer asks the directory at a time.
const questions = 64

// A peer that may ask the directory has it watch daemons that nobody has, and leaves, again and again. The questions go on for a
// while without their sessions, no more of them than in one session, and the next ones are refused.
func TestQuestionsLeftBehind(t *testing.T) {
	v := attacked(t, wire.RightMigrateIn, func(cfg *victimConfig) { cfg.Directory = true })
	const rounds = 40
	for round := range rounds {
		c := v.call(v.attacker)
		c.listen(func(m wire.Message) bool { return isMark(m) || m.Type() == wire.TypeDirectoryFailed })
		for n := range uint64(questions) {
			if err := c.say(c.control, &wire.DirectoryWatch{Request: n, Origin: n + 1}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.say(c.control, mark); err != nil {
			t.Fatal(err)
		}
		want := questions
		if round == 0 {
			want = 0
		}
		if refused := c.refusedBeforeMark(); refused != want {
			t.Fatalf("round %d: %d of %d questions were refused, want %d", round, refused, questions, want)
		}
		c.hangUp()
	}
	v.serves()
	v.admits()
	v.within("questions left behind", bound{heap: 16 << 20, peak: 96 << 20, goroutines: questions + 2*goroutinesPerSession, files: 4})
}

// refusedBeforeMark counts the questions that were refused before the mark was answered.
func (c *caller) refusedBeforeMark() (n int) {
	c.t.Helper()
	for {
		switch m := hears[wire.Message](c).(type) {
		case *wire.DirectoryFailed:
			if m.Reason != wire.ReasonNotReady {
				c.t.Errorf("a question was refused with %v: %s", m.Reason, m.Detail)
			}
			n++
		case *wire.Answer:
			return n
		}
	}
}
