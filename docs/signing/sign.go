// Command signing signs calls between Chejiajia and Tongli, with nothing but the standard library. Copy
// sign and encode; main is for tests.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// sign takes decoded {name, value} pairs and the body's bytes as sent, and returns lower-case hex.
func sign(secret, method, path string, query [][2]string, body []byte) string {
	var pairs [][2]string
	for _, p := range query {
		if p[0] != "sign" {
			pairs = append(pairs, [2]string{encode(p[0]), encode(p[1])})
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		a, b := pairs[i], pairs[j]
		return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
	})
	joined := make([]string, len(pairs))
	for i, p := range pairs {
		joined[i] = p[0] + "=" + p[1]
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + "\n" + path + "\n" + strings.Join(joined, "&") + "\n"))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// encode is RFC 3986: QueryEscape is for forms, where a space is a plus.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// One case a line, see README.md.
func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 4 {
			fmt.Fprintln(os.Stderr, "want: secret, method, path, body, then name and value of each parameter")
			os.Exit(1)
		}
		var query [][2]string
		for i := 4; i+1 < len(fields); i += 2 {
			query = append(query, [2]string{text(fields[i]), text(fields[i+1])})
		}
		fmt.Println(sign(text(fields[0]), fields[1], fields[2], query, []byte(text(fields[3]))))
	}
}

func text(field string) string {
	b, err := hex.DecodeString(field)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return string(b)
}
