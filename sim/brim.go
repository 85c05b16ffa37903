package sim

import (
	"reflect"
	"slices"

	"github.com/ferrymesh/ferry/wire"
)

// brim makes a message as long as its frame can be, or a little less: it can be read, and what others make of it may have less
// room. Its lists get more items, and what is left goes to whatever it has of bytes.
func (l *liar) brim(msg wire.Message) {
	v := reflect.ValueOf(msg).Elem()
	for _, name := range []string{"Items", "Events"} {
		list := v.FieldByName(name)
		for list.IsValid() && list.Len() > 0 && list.Len() < wire.MaxBatch && (list.Len() < 2 || l.rng.IntN(4) > 0) {
			goOn(list)
		}
	}
	spare := l.rng.IntN(2) * l.rng.IntN(128)
	for _, b := range payloads(v) {
		grow(msg, b, spare)
		l.largest = max(l.largest, b.Len())
	}
}

// goOn adds an item to a list, like the last one and with the number that comes next.
func goOn(list reflect.Value) {
	list.Set(reflect.Append(list, list.Index(list.Len()-1)))
	if number := list.Index(list.Len() - 1).FieldByName("Seq"); number.IsValid() {
		number.SetUint(number.Uint() + 1)
	}
}

// payloads are the bytes in a message, wherever they are.
func payloads(v reflect.Value) (list []reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				list = append(list, payloads(v.Field(i))...)
			}
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		list = append(list, v)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			list = append(list, payloads(v.Index(i))...)
		}
	}
	return list
}

// grow gives some bytes of a message what room its frame has, up to spare. Their length takes up to two bytes more then, so that
// there may be something left for a second time.
func grow(msg wire.Message, b reflect.Value, spare int) {
	for _, length := range []int{2, 0} {
		h, err := wire.ParseHeader(encode(msg))
		if err != nil {
			return // it is too long already
		}
		if n := min(h.Type.MaxBody()-h.Length-length-spare, wire.MaxPayload-b.Len()); n > 0 {
			b.SetBytes(slices.Concat(b.Bytes(), make([]byte, n)))
		}
	}
}

// encode makes the frame of what a liar has made up: nil if no frame has room for it.
func encode(msg wire.Message) (frame []byte) {
	defer func() {
		if recover() != nil {
			frame = nil
		}
	}()
	return wire.AppendFrame(nil, msg)
}
