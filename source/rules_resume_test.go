package source

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ferrymesh/ferry/wire"
)

// cutOff is a machine whose stream was cut after 1,000 bytes.
func cutOff(t *testing.T) *rig {
	r := inState(t, copying)
	r.step(Copied{Bytes: 1000})
	r.step(PeerDown{Peer: nodeT, Lost: true, Err: errTest})
	return r
}

// at is the target's answer to the last question.
func (r *rig) at(offset uint64) *wire.ResumeAt {
	return &wire.ResumeAt{Ref: r.ref(), Serial: r.m.copy.serial, Head: r.m.copy.head, Offset: offset}
}

// A view is kept for the grace and no longer, however often the target can be reached meanwhile.
func TestResume_TheViewIsKeptForTheGrace(t *testing.T) {
	r := cutOff(t)
	end := r.now.Add(DefaultResumeGrace)
	for r.now.Before(end.Add(-time.Millisecond)) {
		r.now = r.now.Add(50 * time.Millisecond)
		if r.now.After(end) {
			break
		}
		if o := r.step(PeerUp{Peer: nodeT}); o.StopCopy && r.now.Before(end) {
			t.Fatalf("the view is closed %v before the grace is over", end.Sub(r.now))
		}
	}
	r.now = end
	r.step(Tick{})
	if r.m.ended == nil || r.m.ended.Reason != wire.ReasonUnreachable || r.m.Holding() {
		t.Errorf("after the grace: %+v", r.m.ended)
	}
}

// An answer begins one stream, and only the answer to the question that was asked last.
func TestResume_OneStreamForEachQuestion(t *testing.T) {
	r := cutOff(t)
	old, other := r.at(5), r.at(5)
	old.Serial--
	other.Head.Digest[0]++
	for _, msg := range []*wire.ResumeAt{old, other} {
		if o := r.get(msg); o.Copy != nil {
			t.Fatalf("%+v starts a copy", msg)
		}
	}
	if o := r.get(r.at(5)); o.Copy == nil || *o.Copy != (Copy{Serial: 1, From: 5}) {
		t.Fatalf("the answer starts %+v", o.Copy)
	}
	if o := r.get(r.at(7)); o.Copy != nil {
		t.Error("a second answer starts another stream")
	}
}

// What an earlier stream still reports says nothing about the one that runs.
func TestResume_AnEarlierStreamIsNotHeard(t *testing.T) {
	r := cutOff(t)
	r.get(r.at(5))
	r.step(Copied{Serial: 0, Err: errTest})
	r.step(Copied{Serial: 0, Done: true})
	if r.m.isCut() || r.m.state != copying {
		t.Errorf("the second stream is %v, cut %v", r.m.state, r.m.isCut())
	}
}

// Of two sessions one ends, and with it the end of the stream or the word that all has been restored. Nobody would say it
// again: the source asks.
func TestResume_AskedWhenAllIsSentAndSessionsChange(t *testing.T) {
	r := inState(t, restoring)
	o := r.step(PeerUp{Peer: nodeT})
	if q := sent[*wire.Resume](o); len(q) != 1 || q[0].Serial != 1 {
		t.Fatalf("asked %+v", q)
	}
	if r.get(&wire.RestoreComplete{Ref: r.ref(), Head: r.genes}); r.m.state != replaying {
		t.Errorf("it is %v after the answer", r.m.state)
	}
}

// A session that ends while the target replays is made again, by a question that is repeated until it is there.
func TestResume_AskedForASessionWhileReplaying(t *testing.T) {
	r := inState(t, replaying)
	asked := len(sent[*wire.Resume](r.step(PeerDown{Peer: nodeT, Lost: true, Err: errTest})))
	for range 20 {
		r.now = r.now.Add(retryMin)
		asked += len(sent[*wire.Resume](r.step(Tick{})))
	}
	if asked < 3 {
		t.Errorf("asked %d times while there is no session", asked)
	}
	r.step(PeerUp{Peer: nodeT})
	r.now = r.now.Add(retryMax)
	if o := r.step(Tick{}); len(sent[*wire.Resume](o)) > 0 {
		t.Error("asked again although there is a session")
	}
}

// No event leaves between the cut and the claim of whoever answers: a target that has restarted would not take
// it.
func TestResume_EventsWaitForTheClaim(t *testing.T) {
	r := cutOff(t)
	r.step(PeerUp{Peer: nodeT})
	r.get(r.at(0))
	if o := r.step(Applied{Entries: r.sequence(3, 1)}); len(sent[*wire.BufferedEvents](o)) > 0 {
		t.Fatal("events leave before the target has claimed the origin again")
	}
	r.get(&wire.Progress{Ref: r.ref(), Head: r.genes})
	r.now = r.now.Add(gatherFor)
	o := r.step(Tick{})
	if b := sent[*wire.BufferedEvents](o); len(b) != 1 || len(b[0].Events) != 3 {
		t.Errorf("after the claim: %+v", b)
	}
}

// Streams that end where they began are not begun for ever; one that brings something starts the count anew.
func TestResume_FruitlessStreamsEndTheMigration(t *testing.T) {
	r := cutOff(t)
	offsets := []uint64{5, 5, 5, 9, 9, 9, 9}
	for i, offset := range offsets {
		if r.m.ended != nil {
			t.Fatalf("ended before answer %d: %+v", i, r.m.ended)
		}
		r.get(r.at(offset))
		r.step(Copied{Serial: r.m.copy.serial, Err: errTest})
	}
	if r.m.ended == nil || r.m.ended.Reason != wire.ReasonUnreachable {
		t.Errorf("after streams at %v: %+v", offsets, r.m.ended)
	}
}

// A view that fails is no stream that was cut: the next one would meet the same. The migration ends at once and says why, and the
// daemon serves on, also one that was frozen for the transfer.
func TestS1_AViewThatFailsEndsTheMigration(t *testing.T) {
	failed := fmt.Errorf("%w: %w", wire.ErrStateFailed, errTest)
	resumed := cutOff(t)
	resumed.get(resumed.at(5))
	stopped := began(t, func(req *Request) { req.StopAndCopy = true })
	stopped.step(Frozen{Head: stopped.genes})
	stopped.step(Snapshotted{Head: stopped.genes})
	stopped.step(Submitted{submission(1, 'a', 1, 1)})
	for name, r := range map[string]*rig{"at first": inState(t, copying), "resumed": resumed, "stop and copy": stopped} {
		o := r.step(Copied{Serial: r.m.copy.serial, Bytes: 1000, Err: failed})
		if r.m.state != stayed || o.Ended == nil || o.Ended.Outcome != wire.OutcomeStayed || o.Ended.Reason != wire.ReasonStateFailed {
			t.Fatalf("%s: %v, %+v", name, r.m.state, o.Ended)
		}
		told := sent[*wire.MigrationFailed](o)
		if len(told) != 2 || told[0].Reason != wire.ReasonStateFailed || !strings.Contains(told[0].Detail, errTest.Error()) {
			t.Errorf("%s: told %+v", name, told)
		}
		if !o.StopCopy || r.m.Holding() || len(sent[*wire.Resume](o)) > 0 {
			t.Errorf("%s: closed %v, holding %v, %+v", name, o.StopCopy, r.m.Holding(), o.Sends)
		}
	}
	if o := stopped.out; !called[CallThaw](o) || len(o.Apply) != 1 {
		t.Errorf("the frozen daemon: %+v", o)
	}
	r := cutOff(t)
	if r.step(Copied{Serial: 0, Err: failed}); r.m.ended != nil {
		t.Errorf("a stream that was cut before ends it with %+v", r.m.ended)
	}
}

// A place beyond what has been sent is none (protocol §4.3.5): nothing is skipped, and the grace ends the migration. What the stream
// that was cut had sent may be reported later than the target, which has it, names the place: asked again, it is right.
func TestResume_NoPlaceBeyondWhatWasSent(t *testing.T) {
	for _, offset := range []uint64{1001, 1 << 40, 1<<64 - 1} {
		r := cutOff(t)
		for end := r.now.Add(DefaultResumeGrace); r.now.Before(end); r.now = r.now.Add(50 * time.Millisecond) {
			if o := r.get(r.at(offset)); o.Copy != nil || r.m.ended != nil {
				t.Fatalf("%d of 1000 bytes: starts %+v, ended %+v", offset, o.Copy, r.m.ended)
			}
		}
		if r.step(Tick{}); r.m.ended == nil || r.m.ended.Reason != wire.ReasonUnreachable {
			t.Errorf("%d of 1000 bytes: after the grace %+v", offset, r.m.ended)
		}
	}
	r := cutOff(t)
	r.get(r.at(1500))
	r.step(Copied{Serial: 0, Bytes: 1500, Err: errTest})
	if o := r.get(r.at(1500)); o.Copy == nil || o.Copy.From != 1500 {
		t.Errorf("after the report: starts %+v", o.Copy)
	}
	r = inState(t, copying)
	r.step(Copied{Bytes: 700, Err: errTest})
	if o := r.get(r.at(700)); o.Copy == nil || o.Copy.From != 700 {
		t.Errorf("a stream that broke by itself: starts %+v", o.Copy)
	}
}

// An answer is no progress: only bytes that have not been sent before are. A target that asks for one stream after the other, each a
// byte behind the one before, does not put the stall limit off; a daemon may be frozen all that time.
func TestResume_AnswersAreNoProgress(t *testing.T) {
	r := cutOff(t)
	began, offset := r.now, uint64(1)
	for r.m.ended == nil && r.now.Before(began.Add(time.Hour)) {
		r.get(r.at(offset))
		offset++
		r.now = r.now.Add(2 * time.Second)
		r.step(Copied{Serial: r.m.copy.serial, Bytes: 1000, Err: errTest})
	}
	if spent := r.now.Sub(began); r.m.ended == nil || r.m.ended.Reason != wire.ReasonTimeout || spent > DefaultStall+2*time.Second {
		t.Errorf("after %v and %d streams: %+v", spent, offset, r.m.ended)
	}
}
