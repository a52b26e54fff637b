package leasestore

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

// FuzzPackedSlots: what is packed is read back, six bytes a slot, and what bytes can be read are packed to the same bytes.
func FuzzPackedSlots(f *testing.F) {
	f.Add([]byte{})
	f.Add(packSlots([]lease.Slot{{Date: lease.MustDate("2026-11-25"), Start: 1140, End: 390}, {Date: lease.MustDate("9999-12-31"), Start: 0, End: 1440}}))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7})
	f.Fuzz(func(t *testing.T, raw []byte) {
		whole := slices.Clone(raw[:len(raw)/slotBytes*slotBytes])
		for i := 3; i < len(whole); i += slotBytes {
			whole[i] &= 0x3f // 22 bits of times
		}
		slots := appendSlots(nil, whole)
		if len(slots) != len(whole)/slotBytes || !bytes.Equal(packSlots(slots), whole) {
			t.Fatalf("%x reads as %v, that packs to %x", whole, slots, packSlots(slots))
		}
		for i := range slots { // as a decoder would let them in
			slots[i].Date, slots[i].Start, slots[i].End = slots[i].Date%2932897, slots[i].Start%1440, slots[i].End%1441
		}
		if back := appendSlots(slots[:0:0], packSlots(slots)); !slices.Equal(back, slots) {
			t.Errorf("%v packs and reads as %v", slots, back)
		}
	})
}

// one holds what was put last.
type one struct {
	Client
	put item
}

func (o *one) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	o.put = in.Item
	return &dynamodb.PutItemOutput{}, nil
}

func (o *one) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if o.put == nil || getS(in.Key, "pk") != getS(o.put, "pk") || getS(in.Key, "sk") != getS(o.put, "sk") {
		return &dynamodb.GetItemOutput{}, nil
	}
	return &dynamodb.GetItemOutput{Item: o.put}, nil
}

// FuzzPageMark: a mark is found by its own walk, is read as it was written, and by no other walk.
func FuzzPageMark(f *testing.F) {
	f.Add("tongli", "P1", "", 1000, "苏E88888#o-1", 3, 5.0, "tongli", "P1", "", 1000)
	f.Add("tongli", "P1", "苏E88888", 10, "", 0, 0.125, "tongli", `P1""`, "苏E88888", 10)
	f.Add("a", "b", "c", 1, "k", 1, 1.0, "a", "bc", "", 1)
	f.Fuzz(func(t *testing.T, app, park, plate string, limit int, at string, skip int, density float64, app2, park2, plate2 string, limit2 int) {
		if math.IsNaN(density) || math.IsInf(density, 0) || math.Abs(density) > 1e9 {
			return // rows by items
		}
		now := time.Unix(1790000000, 0)
		db := &one{}
		s := Open(db, Tables{Expiring: "e"})
		w, w2 := Walk{app, park, lease.Plate(plate), limit}, Walk{app2, park2, lease.Plate(plate2), limit2}
		if err := s.PutMark(t.Context(), w, 2, Position{at, skip, density}, "walk", now); err != nil {
			t.Fatal(err)
		}
		got, found, walk, err := s.Mark(t.Context(), w, 2, now)
		if err != nil || found != 2 || walk != "walk" || got.At != at || got.Skip != skip || math.Abs(got.Density-density) > 0.0051 {
			t.Errorf("written %q %d %g, read %+v of page %d: %v", at, skip, density, got, found, err)
		}
		if _, found, _, _ := s.Mark(t.Context(), w2, 2, now); (found == 2) != (w == w2) {
			t.Errorf("mark of %+v for %+v: page %d", w, w2, found)
		}
		if _, found, _, _ := s.Mark(t.Context(), w, 2, now.Add(markLife)); found != 0 {
			t.Error("a mark outlived its time")
		}
	})
}
