package apppark

import "testing"

// FuzzCursor: a cursor opens as what was sealed, for its limit alone; one with a changed character, or a stranger's text, does not.
func FuzzCursor(f *testing.F) {
	f.Add("2017-01-01 12:00:00", 100, 0, byte('A'), "")
	f.Add("苏", 1000, 11, byte('_'), "AAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, after string, limit, at int, c byte, text string) {
		if limit < 1 || limit > maxLimit || after == "" {
			return
		}
		sealed := sealCursor(after, limit)
		if got, ok := openCursor(sealed, limit); !ok || got != after {
			t.Fatalf("%q opens as %q, %v", after, got, ok)
		}
		for _, other := range []int{limit - 1, limit + 1, limit ^ 1<<8, limit ^ 1<<9, limit ^ 1<<3} {
			if _, ok := openCursor(sealed, other); ok {
				t.Errorf("one for limit %d opens for %d", limit, other)
			}
		}
		changed := []byte(sealed)
		changed[uint(at)%uint(len(changed))] = c
		if _, ok := openCursor(string(changed), limit); ok != (string(changed) == sealed) {
			t.Errorf("changed to %q: %v", changed, ok)
		}
		if got, ok := openCursor(text, limit); ok && sealCursor(got, limit) != text {
			t.Errorf("%q opens as %q, which is sealed otherwise", text, got)
		}
	})
}
