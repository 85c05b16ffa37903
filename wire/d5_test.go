package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ferrymesh/ferry/crypto"
)

// weakKeys are what no key may be: of small order, the second spelling of a point, and no point at all.
func weakKeys() map[string][32]byte {
	p := [32]byte{0: 0xed, 31: 0x7f} // 2^255 - 19, which is 0 again
	for i := 1; i < 31; i++ {
		p[i] = 0xff
	}
	again := p
	again[0] += 3
	order8 := [32]byte{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}
	return map[string][32]byte{
		"zero": {}, "identity": {1}, "identity with a sign": {0: 1, 31: 0x80}, "order 8": order8, "p": p, "p and 3": again, "no point": {2},
	}
}

// keyFields visits every key that a message has room for: keys of epochs and administrators, and entities, which are keys as well.
func keyFields(v reflect.Value, name string, visit func(name string, key reflect.Value)) {
	switch v.Type() {
	case reflect.TypeFor[crypto.PublicKey](), reflect.TypeFor[crypto.EntityID]():
		visit(name, v)
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			keyFields(v.Field(i), name+"."+field.Name, visit)
		}
	}
}

// Whatever key a frame brings, a weak one is refused as the frame is decoded (protocol §3.1.9): before anything is kept, asked or begun
// because of it. A message that gets a key is in this test by that.
func TestD5_WeakKeysInMessages(t *testing.T) {
	fields := 0
	for _, g := range vectors() {
		v := reflect.ValueOf(g.msg).Elem()
		keyFields(v, v.Type().Name(), func(name string, key reflect.Value) {
			fields++
			good := reflect.ValueOf(key.Interface())
			defer key.Set(good)
			for what, weak := range weakKeys() {
				if what == "zero" && strings.HasSuffix(name, ".Administrator") {
					continue // there is none
				}
				key.Set(reflect.ValueOf(weak).Convert(key.Type()))
				t.Run(fmt.Sprint(name, " ", what), func(t *testing.T) {
					if err := refusal(t, g.msg.Type(), bodyOf(g.msg)); !errors.Is(err, crypto.ErrWeakKey) {
						t.Error(err)
					}
				})
			}
		})
	}
	if fields < 11 {
		t.Errorf("only %d fields found", fields)
	}
}

// The id of a node is no key that anything here verifies with: TLS has done so. Any 32 bytes are one.
func TestNodesMayHaveAnyID(t *testing.T) {
	for what, weak := range weakKeys() {
		m := &TakeSnapshot{Target: crypto.NodeID(weak)}
		if _, err := Decode(Header{m.Type(), len(bodyOf(m))}, bodyOf(m)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
