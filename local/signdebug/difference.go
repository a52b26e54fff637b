package signdebug

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"lease-gateway/shared/signature"
)

const (
	snippet = 40 // bytes shown from the difference on
	context = 24 // bytes shown before it
)

// difference finds the first byte in which two different strings to sign differ.
func difference(ours, yours string) *Difference {
	at := 0
	for at < len(ours) && at < len(yours) && ours[at] == yours[at] {
		at++
	}
	for at > 0 && (at < len(ours) && !utf8.RuneStart(ours[at]) || at < len(yours) && !utf8.RuneStart(yours[at])) && utf8.ValidString(ours) && utf8.ValidString(yours) {
		at-- // to the beginning of the character, so that both snippets can be read
	}
	line := 1 + strings.Count(ours[:at], "\n")
	d := &Difference{Offset: at, Line: line, Part: [...]string{"method", "path", "query", "body"}[min(line, 4)-1],
		Ours: escaped(cut(ours[at:], snippet)), Yours: escaped(cut(yours[at:], snippet))}
	from := max(0, at-context)
	for from < at && !utf8.RuneStart(ours[from]) {
		from++
	}
	d.Before = escaped(ours[from:at])
	if d.Part == "query" {
		d.Name = parameterAt(ours, at)
	}
	return d
}

// parameterAt names the parameter of the query line that holds the byte.
func parameterAt(text string, at int) string {
	start := strings.LastIndexAny(text[:at], "&\n") + 1
	rest := text[start:]
	if end := strings.IndexAny(rest, "&\n"); end >= 0 {
		rest = rest[:end]
	}
	name, _, _ := strings.Cut(rest, "=")
	if decoded, err := signature.ParseQuery(name); err == nil && len(decoded) == 1 {
		return decoded[0].Name
	}
	return name
}

// cut shortens to whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// escaped is s on one line: line feeds as \n, what cannot be seen as \t, \ufeff or \xff.
func escaped(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// parts are the lines of a string to sign; fewer than four have empty ends.
func parts(text string) (method, path, query, body string, complete bool) {
	lines := strings.SplitN(text, "\n", 4)
	complete = len(lines) == 4
	for len(lines) < 4 {
		lines = append(lines, "")
	}
	return lines[0], lines[1], lines[2], lines[3], complete
}
