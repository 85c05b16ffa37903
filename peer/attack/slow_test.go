package attack

import (
	"testing"
	"time"

	"github.com/ferrymesh/ferry/transport"
	"github.com/ferrymesh/ferry/wire"
)

// sessionsPerNode is the transport's default, which the victim keeps.
const sessionsPerNode = 8

// What a session may cost while it is misused: its own goroutines and one for each open one-way stream; its
// receive windows, its queue and its buffers.
const (
	goroutinesPerSession = 16
	streamsPerSession    = 128
	heapPerSession       = 20 << 20 // windows of up to 8 MiB, a full queue of as much, and buffers
)

// A client that never reads its answers is disconnected when the queue of their stream is full, as often as it comes
// back.
func TestUnreadAnswersEndTheSession(t *testing.T) {
	v := attacked(t, wire.RightSubmit)
	// Together four times what the queue of a stream takes.
	const answer, answers, rounds = 16 << 10, 512, 8
	for round := range rounds {
		c := v.call(v.attacker)
		go c.drain(c.control, isMark)
		c.greeted()
		for seq := range uint64(answers) {
			items := []wire.Submission{{Seq: seq + 1, Payload: order(opAnswer, answer)}}
			if c.say(c.submit, &wire.Submit{Origin: v.Prey, Label: string(rune('a' + round)), Items: items}) != nil {
				break // disconnected, which is what is waited for
			}
		}
		if code := c.ends(); code != transport.CodeTooSlow {
			t.Errorf("round %d: the session ended with code %d, want %d", round, code, transport.CodeTooSlow)
		}
	}
	// The daemon keeps up to 16 MiB of outputs for repeats, whoever asked for them.
	v.within("answers nobody reads", bound{heap: 32 << 20, peak: 256 << 20, goroutines: 8, files: 4})
	v.serves()
	v.admits()
}

// A target that never reads the snapshot holds up its own migration alone, and that for no longer than the stall
// limit.
func TestUnreadSnapshotEndsTheMigration(t *testing.T) {
	v := attacked(t, wire.RightSubmit|wire.RightMigrateOut)
	c := v.call(v.attacker)
	c.listen(migrations)
	if err := c.say(c.submit, &wire.Submit{Origin: v.Prey, Items: []wire.Submission{{Seq: 1, Payload: order(opSize, 1<<30)}}}); err != nil {
		t.Fatal(err)
	}
	v.serves()
	ref := wire.Ref{Migration: wire.MigrationID{7}, Origin: v.Prey, Epoch: 1}
	err := c.say(c.control, &wire.TakeSnapshot{Ref: ref, Target: v.attacker.ID(), Options: wire.Options{Stall: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	hears[*wire.Prepare](c)
	ok := &wire.PrepareOK{Ref: ref, Next: entityKey(t), CreditEvents: 1 << 62, CreditBytes: 1 << 62}
	if err := c.say(c.control, ok); err != nil {
		t.Fatal(err)
	}
	v.serves()
	v.within("a snapshot nobody reads", bound{heap: 16 << 20, peak: 64 << 20, goroutines: goroutinesPerSession + 4, files: 4})
	for done := false; !done; {
		done = hears[*wire.MigrationFailed](c).Ref.Migration == ref.Migration
	}
	c.hangUp()
	v.within("after it", bound{heap: 8 << 20, peak: 64 << 20, goroutines: 4, files: 4})
	v.serves()
}

// migrations says which messages a test waits for.
func migrations(m wire.Message) bool { return m.Type().Subprotocol() == wire.SubMigration }
