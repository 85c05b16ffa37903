package source

import (
	"testing"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// A source that has promised follows the entry of its own certificate and no other, whoever shows it: not a handover
// without a decision, though its own key signed it, and not what another attempt's certificate becomes.
func TestS3_OnlyItsOwnCertificateIsFollowed(t *testing.T) {
	r := inState(t, promised)
	show := func(ev crypto.CausalEvent) Output {
		return r.get(&wire.Answer{Ref: r.ref(), State: wire.StateServing, HasHandover: true, Handover: ev})
	}
	own, final := r.cert, r.final
	late := *final
	late.Attempt.Count++
	r.final = &late
	r.certify()
	wrong := []crypto.CausalEvent{r.handOver().Event, r.accepted()}
	for i, ev := range wrong {
		if o := show(ev); called[CallFollow](o) || r.m.state != promised {
			t.Fatalf("entry %d is followed: %v", i, r.m.state)
		}
	}
	r.cert, r.final = own, final
	if o := show(r.accepted()); !called[CallFollow](o) || r.m.state != committing {
		t.Fatalf("its own entry is not followed: %v", r.m.state)
	}
}
