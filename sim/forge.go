package sim

import (
	"reflect"

	"github.com/ferrymesh/ferry/crypto"
	"github.com/ferrymesh/ferry/wire"
)

// alter changes some of the fields of a message: others' names, ids and numbers in the place of its own.
func (l *liar) alter(msg wire.Message) {
	l.alterValue(reflect.ValueOf(msg).Elem(), "")
}

func (l *liar) alterValue(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				l.alterValue(v.Field(i), v.Type().Field(i).Name)
			}
		}
	case reflect.Slice:
		l.alterSlice(v)
	case reflect.Array:
		if l.rng.IntN(4) == 0 {
			l.alterArray(v)
		}
	case reflect.Uint64:
		if l.rng.IntN(4) == 0 {
			l.alterNumber(v, name)
		}
	case reflect.Uint8, reflect.Uint16:
		if l.rng.IntN(4) == 0 {
			v.SetUint(uint64(l.rng.IntN([]int{4, 8, 40}[l.rng.IntN(3)]))) // a state, a phase, a reason
		}
	case reflect.Bool:
		if l.rng.IntN(8) == 0 {
			v.SetBool(!v.Bool())
		}
	}
}

// alterSlice leaves something out of a list, says it twice, or turns it around; bytes get one wrong.
func (l *liar) alterSlice(v reflect.Value) {
	n := v.Len()
	if n == 0 {
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if l.rng.IntN(4) == 0 {
			at := v.Index(l.rng.IntN(n))
			at.SetUint(at.Uint() ^ 1<<l.rng.IntN(8))
		}
		return
	}
	switch at := l.rng.IntN(n); l.rng.IntN(8) {
	case 0:
		v.SetLen(1 + at)
	case 1:
		reflect.Swapper(v.Interface())(0, n-1)
	case 2:
		l.alterValue(v.Index(at), "")
	case 3:
		v.Set(reflect.Append(v, v.Index(at)))
	case 4:
		v.Set(reflect.AppendSlice(v.Slice(0, at), v.Slice(at+1, n)))
	}
}

// alterArray puts another id or key of the same kind in the place of one.
func (l *liar) alterArray(v reflect.Value) {
	switch id := v.Addr().Interface().(type) {
	case *wire.MigrationID:
		if len(l.migrations) > 0 {
			*id = l.migrations[l.rng.IntN(len(l.migrations))].id
		}
	case *crypto.NodeID:
		*id = l.nodes[l.rng.IntN(len(l.nodes))].ID
	case *crypto.PublicKey:
		if secrets := l.from.life.secrets; len(secrets) > 0 {
			*id = secrets[l.rng.IntN(len(secrets))].pair.Public()
		}
	default:
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Uint8 {
			at := v.Index(l.rng.IntN(v.Len()))
			at.SetUint(at.Uint() ^ 1<<l.rng.IntN(8))
		}
	}
}

func (l *liar) alterNumber(v reflect.Value, name string) {
	if name == "Origin" {
		origins := l.everyOrigin()
		v.SetUint(origins[l.rng.IntN(len(origins))])
		return
	}
	was := v.Uint()
	v.SetUint([]uint64{0, 1, was - 1, was + 1, was + 2, 2 * was, l.rng.Uint64() >> 1, uint64(l.rng.IntN(100))}[l.rng.IntN(8)])
}

// everyOrigin lists all daemons, those of the hostile node included, in the order of their birth.
func (l *liar) everyOrigin() (list []uint64) {
	for i := range len(l.daemons) + 1 {
		if d, ok := l.daemons[i]; ok {
			list = append(list, d.Origin)
		}
	}
	return append(list, l.rng.Uint64())
}

// forge makes a handover that is right in everything but its signature, or but who signs it and what for, and
// puts it into one of the messages that carry one.
func (l *liar) forge() wire.Message {
	key, err := l.key()
	if err != nil {
		l.Failf("a key: %v", err)
		return nil
	}
	origins := l.everyOrigin()
	origin := origins[l.rng.IntN(len(origins))]
	h := crypto.Handover{
		From: l.from.ID, To: l.to.ID, Epoch: 2, Next: key.Public(), Time: l.now,
		Head: crypto.Head{Origin: origin, Sequence: uint64(l.rng.IntN(50))},
	}
	ref := wire.Ref{Origin: origin, Epoch: 1}
	if holders, epoch := l.holders(origin); len(holders) > 0 {
		host, _ := holders[0].registry.Host(origin)
		p := host.Passport()
		h.From, h.Epoch, h.Head, h.Previous, ref.Epoch = holders[0].ID, epoch+1, host.Head(), p.Previous(), epoch
	}
	if l.rng.IntN(2) == 0 {
		h.To = l.from.ID
	}
	if len(l.migrations) > 0 {
		ref.Migration = l.migrations[len(l.migrations)-1-l.rng.IntN(min(3, len(l.migrations)))].id
	}
	ev, _, err := crypto.SignHandover(key, h)
	if err != nil {
		return nil // such as one for a head that cannot be
	}
	return l.carry(ref, ev, h)
}

func (l *liar) carry(ref wire.Ref, ev crypto.CausalEvent, h crypto.Handover) wire.Message {
	a := wire.Attempt{Epoch: ref.Epoch, Boot: uint64(l.rng.IntN(4)), Count: uint64(l.rng.IntN(6))}
	switch l.rng.IntN(4) {
	case 0:
		return &wire.Answer{Ref: ref, State: wire.StateReleased, Boot: uint64(l.rng.IntN(9)), Attempt: a, HasHandover: true, Handover: ev}
	case 1:
		return &wire.Moved{Origin: ref.Origin, Node: h.To, Epoch: h.Epoch, Handover: ev}
	case 2:
		return &wire.BufferedEvents{Ref: ref, Events: []crypto.CausalEvent{ev}}
	}
	return &wire.ActivateTarget{Ref: ref, Attempt: a, Handover: ev}
}

// activate makes the handover that a target which has just been sent a Final waits for: right in everything but
// its signature.
func (l *liar) activate() wire.Message {
	var final *wire.Final
	for _, h := range l.heard[wire.TypeFinal] {
		if msg, ok := h.decode().(*wire.Final); ok && h.to == l.to {
			final = msg
		}
	}
	key, err := l.key()
	if final == nil || err != nil {
		return nil
	}
	h := crypto.Handover{From: l.from.ID, To: l.to.ID, Epoch: final.Epoch + 1, Head: final.Head, Next: key.Public(), Time: l.now}
	for _, m := range l.heard[wire.TypePrepareOK] {
		if ok, is := m.decode().(*wire.PrepareOK); is && ok.Migration == final.Migration {
			h.Next = ok.Next
		}
	}
	if holders, _ := l.holders(final.Origin); len(holders) > 0 {
		host, _ := holders[0].registry.Host(final.Origin)
		h.From, h.Previous = holders[0].ID, host.Passport().Previous()
	}
	ev, _, err := crypto.SignHandover(key, h)
	if err != nil {
		return nil
	}
	return &wire.ActivateTarget{Ref: final.Ref, Attempt: final.Attempt, Handover: ev}
}

// key makes a key of the liar's own, from nothing that anybody else draws from.
func (l *liar) key() (*crypto.EntityKeypair, error) {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(l.rng.Uint32())
	}
	return crypto.KeypairFromSeed(seed)
}
