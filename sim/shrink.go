package sim

import (
	"slices"
	"time"
)

// Shrink returns a script that fails in the same check as the given one, and in which no act can be left out, and
// no batch of acts that it has tried. It returns how many runs that took; zero if the given script does not fail.
// Rule of the options is kept, as one check among the others.
//
// What fails is compared by the text of the check without what it says of the run: a shortened run fails at another
// time and may fail with another daemon.
func Shrink(sc Script, opt Options) (Script, int) {
	s := &shrinker{opt: opt, best: sc}
	s.check = s.failure(sc)
	if s.check == "" {
		return sc, 0
	}
	s.leaveOut()
	s.simplify()
	s.leaveOut()
	return s.best, s.runs
}

type shrinker struct {
	opt   Options
	check string // which the script must fail in
	best  Script // the shortest so far
	runs  int
}

// failure runs a script and returns the check that fails, or nothing.
func (s *shrinker) failure(sc Script) string {
	s.runs++
	run := NewScripted(sc, s.opt)
	if run.Run() == nil {
		return ""
	}
	return run.failed
}

// try takes a script in the place of the best one if it fails in the same way.
func (s *shrinker) try(sc Script) bool {
	if s.failure(sc) != s.check {
		return false
	}
	s.best = sc
	return true
}

// leaveOut is delta debugging: it leaves out halves, then quarters, and so on down to single acts, and begins a
// size again after each success until nothing of that size can be left out.
func (s *shrinker) leaveOut() {
	for size := (len(s.best.Acts) + 1) / 2; size > 0; size /= 2 {
		for again := true; again; {
			again = false
			for at := 0; at < len(s.best.Acts); {
				shorter := s.best
				shorter.Acts = slices.Concat(s.best.Acts[:at], s.best.Acts[min(at+size, len(s.best.Acts)):])
				if s.try(shorter) {
					again = true
				} else {
					at += size
				}
			}
			again = again && size == 1
		}
	}
}

// simplify takes out of the setup and of single acts what the failure does not need.
func (s *shrinker) simplify() {
	for _, change := range simpler {
		sc := s.best
		change(&sc.Setup)
		if sc.Setup != s.best.Setup {
			s.try(sc)
		}
	}
	sc := s.best // the storm need not go on after its last act
	sc.Setup.Until = 0
	for _, a := range sc.Acts {
		sc.Setup.Until = max(sc.Setup.Until, a.At)
	}
	s.try(sc)
	for i := range s.best.Acts {
		for _, change := range simplerActs {
			sc := s.best
			sc.Acts = slices.Clone(sc.Acts)
			change(&sc.Acts[i])
			if sc.Acts[i] != s.best.Acts[i] {
				s.try(sc)
			}
		}
	}
}

var simpler = []func(*Setup){
	func(s *Setup) { s.Clocks = false },
	func(s *Setup) { s.PendingEvents, s.PendingBytes, s.MaxActive = 0, 0, 0 },
	func(s *Setup) { s.Freeze, s.Ask = 0, 0 },
	func(s *Setup) { s.Orphan = 0 },
	func(s *Setup) { s.Net = Speeds{} },
	func(s *Setup) { s.Net.Spike = time.Nanosecond },
	func(s *Setup) { s.SegmentSize, s.MaxSegments = 0, 0 },
	func(s *Setup) { s.Durability = 0 },
}

var simplerActs = []func(*Act){
	func(a *Act) { a.At = a.At.Round(10 * time.Millisecond) },
	func(a *Act) { a.At = a.At.Round(time.Millisecond) },
	func(a *Act) {
		if a.Op == "submit" {
			a.N, a.Word = 1, ""
		}
	},
	func(a *Act) {
		if a.Op == "migrate" {
			a.For = 0
		}
	},
}
