package lease

import (
	"strings"
	"unicode"
)

// MaskPlates masks whatever looks like a plate in a text that is on its way to a log: in any spelling that ParsePlate
// normalises, mistyped ones too. It rather masks too much than too little. Text without a Chinese character passes untouched.
func MaskPlates(text string) string {
	if !strings.ContainsFunc(text, province) {
		return text
	}
	runes := []rune(text)
	out := make([]rune, 0, len(runes))
	for i := 0; i < len(runes); {
		plate, end := plateAt(runes, i)
		if end == 0 {
			out = append(out, runes[i])
			i++
			continue
		}
		out, i = append(out, []rune(Plate(plate).Masked())...), end
	}
	return string(out)
}

func province(r rune) bool { return r == '使' || r >= 0x4e00 && strings.ContainsRune(provinces, r) }

// plateAt reads a plate that begins at i, and where it ends; 0 when there is none. What is no plate but has the shape of one, without
// white space in it, was mistyped.
func plateAt(runes []rune, i int) (plate string, end int) {
	first := fold(runes[i])
	digits := first >= '0' && first <= '9'
	if !province(first) && !digits || digits && i > 0 && serialRune(fold(runes[i-1])) {
		return "", 0
	}
	found, ends, joined := []rune{first}, []int{i + 1}, 1
	for j := i + 1; j < len(runes) && len(found) < 8; j++ {
		r := fold(runes[j])
		switch {
		case serialRune(r) || strings.ContainsRune("警学挂领港澳使", r):
			if joined == len(found) && ends[joined-1] == j {
				joined++
			}
			found, ends = append(found, r), append(ends, j+1)
		case unicode.IsSpace(r) || strings.ContainsRune("-._·•・･", r):
		case r == '\\' && j+1 < len(runes) && strings.ContainsRune("nrt", runes[j+1]): // white space in JSON
			j++
		default:
			j = len(runes)
		}
	}
	for n := len(found); n >= 7; n-- {
		if _, err := ParsePlate(string(found[:n])); err == nil {
			return string(found[:n]), ends[n-1]
		}
	}
	if digits || joined < 7 {
		return "", 0
	}
	return string(found[:joined]), ends[joined-1]
}

// fold is the half-width, upper-case form.
func fold(r rune) rune {
	if r >= '！' && r <= '～' {
		r -= '！' - '!'
	}
	return unicode.ToUpper(r)
}

func serialRune(r rune) bool { return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' }
