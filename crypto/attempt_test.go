package crypto

import "testing"

// TestAttempt_Order: by epoch, then boot, then count; zero is below all.
func TestAttempt_Order(t *testing.T) {
	ascending := []Attempt{
		{}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0}, {1, 0, 9}, {1, 1, 0}, {1, 1, 1}, {1, 2, 0}, {2, 0, 0}, {1<<64 - 1, 0, 0},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := a.Compare(b); got != want || a.Less(b) != (want < 0) {
				t.Errorf("%s against %s is %d, want %d", a, b, got, want)
			}
		}
		if a.IsZero() != (i == 0) {
			t.Errorf("%s: IsZero %t", a, a.IsZero())
		}
	}
	if got := (Attempt{1, 2, 3}).String(); got != "1.2.3" {
		t.Errorf("attempt prints as %s", got)
	}
}
