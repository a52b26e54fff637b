package lease

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Plate is a mainland number plate in its normalised form, the only one that is stored, compared and sent.
type Plate string

const provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

// The forms of GA 36-2018 that are leased. The letter after the province is A–Z without I; I and O are
// no serial characters (they are read as 1 and 0, so a plate that holds one was mistyped).
const (
	head   = `[` + provinces + `][A-HJ-Z]`
	serial = `[A-HJ-NP-Z0-9]`
)

var plateForms = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join([]string{
		head + serial + `{5}`,                               // ordinary
		head + `[A-HJK]` + serial + `[0-9]{4}`,              // new energy, small
		head + `[0-9]{5}[A-HJK]`,                            // new energy, large
		head + serial + `{4}[警学挂]`,                          // police, driving school, trailer
		`粤Z` + serial + `{4}[港澳]`,                           // Hong Kong, Macao
		`使[0-9]{6}|[0-9]{6}使`,                               // embassy
		head + serial + `{4}领|[` + provinces + `][0-9]{5}领`, // consulate
	}, "|") + `)$`)
})

// ParsePlate normalises and validates: full-width to half-width, without spaces and the marks
// `- . _ · • ・`, upper case. It never repairs O/0 or I/1: such a plate is refused with a hint.
// Errors wrap ErrInvalid.
func ParsePlate(s string) (Plate, error) {
	p := normalise(s)
	if plateForms().MatchString(p) {
		return Plate(p), nil
	}
	if strings.ContainsAny(p, "IO") && utf8.RuneCountInString(p) <= 8 {
		if fixed := strings.NewReplacer("I", "1", "O", "0").Replace(p); plateForms().MatchString(fixed) || afterProvince(p) {
			return "", fmt.Errorf("%w: not a number plate: the letters I and O are not used, did you mean 1 or 0?", ErrInvalid)
		}
	}
	return "", fmt.Errorf("%w: not a number plate that is leased (GA 36-2018)", ErrInvalid)
}

// afterProvince reports whether an I stands where only a letter may: it is no 1 there.
func afterProvince(p string) bool {
	_, size := utf8.DecodeRuneInString(p)
	return size < len(p) && p[size] == 'I'
}

func normalise(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		case r == '･': // half-width katakana middle dot, the narrow form of ・
			continue
		}
		if unicode.IsSpace(r) || strings.ContainsRune("-._·•・", r) {
			continue
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Masked is the form for logs: the first three and the last two characters (苏E8••88).
func (p Plate) Masked() string {
	runes := []rune(string(p))
	if len(runes) < 6 {
		return strings.Repeat("•", len(runes))
	}
	return string(runes[:3]) + strings.Repeat("•", len(runes)-5) + string(runes[len(runes)-2:])
}
