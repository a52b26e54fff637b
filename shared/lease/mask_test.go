package lease

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMaskPlates(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"no plate at all, 123456":     "no plate at all, 123456",
		"苏州园区停车场 2026-12-01":          "苏州园区停车场 2026-12-01",
		"苏E88888":                     "苏E8••88",
		`{"plate":"苏·e 88888","n":5}`: `{"plate":"苏E8••88","n":5}`,
		`"苏E8••88", masked`:           `"苏E8••88", masked`,
		"车牌苏ED12345已到, 粤Z1234港 not":             "车牌苏ED•••45已到, 粤Z1••4港 not",
		"使123456, 123456使, 沪12345领":             "使12••56, 123••6使, 沪12••5领",
		"mistyped 苏E8888O":                      "mistyped 苏E8••8O",
		"苏Ｅ８８８８８ ":                              "苏E8••88 ",
		`苏\tE88888`:                             "苏E8••88",
		"京2026年":                                "京2026年",
		"1234567使 is eight, 20261201 is a date": "1234567使 is eight, 20261201 is a date",
	} {
		if got := MaskPlates(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestNoPlatePassesTheMask: whatever ParsePlate takes for a plate, in whatever text, does not come out again.
func TestNoPlatePassesTheMask(t *testing.T) {
	spelt := rapid.Custom(func(t *rapid.T) string {
		plate := rapid.StringMatching(`[苏京粤沪][A-HJ-Z][A-HJ-NP-Z0-9]{5}|[苏京][A-H][A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[苏京][A-H][0-9]{5}[A-HJK]|粤Z[0-9]{4}[港澳]|使[0-9]{6}|[0-9]{6}使|沪[0-9]{5}领`).Draw(t, "plate")
		var b strings.Builder
		for _, r := range plate {
			if r < 0x80 && rapid.Bool().Draw(t, "full width") {
				r += '！' - '!'
			}
			b.WriteRune(r)
			b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "·", "-", "\u3000", "•"}).Draw(t, "mark"))
		}
		if rapid.Bool().Draw(t, "lower case") {
			return strings.ToLower(b.String())
		}
		return b.String()
	})
	around := rapid.SampledFrom([]string{"", "车牌 ", `{"a":"`, "苏", "error: ", "\n", `"}`, ", "})
	rapid.Check(t, func(t *rapid.T) {
		text := spelt.Draw(t, "spelt")
		plate, err := ParsePlate(text)
		if err != nil {
			t.Fatalf("%q is no plate: %v", text, err)
		}
		whole := around.Draw(t, "before") + text + around.Draw(t, "behind")
		if got := MaskPlates(whole); strings.Contains(normalise(got), string(plate)) {
			t.Fatalf("%q became %q", whole, got)
		}
	})
}
