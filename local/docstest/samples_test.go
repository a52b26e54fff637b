package docstest

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lease-gateway/shared/signature"
)

type vectors struct {
	Secret string
	Cases  []struct {
		Name, Method, Path, Body, Sign string
		Query                          [][2]string
		StringToSign                   string `json:"string_to_sign"`
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(Root(), "shared", "signature", "testdata", "signature-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Cases) < 8 {
		t.Fatalf("%d cases, %v", len(v.Cases), err)
	}
	return v
}

func params(pairs [][2]string) []signature.Param {
	var all []signature.Param
	for _, p := range pairs {
		all = append(all, signature.Param{Name: p[0], Value: p[1]})
	}
	return all
}

// Every sample signs the contract's vectors as they are, and 200 random requests like all the others.
func TestEverySampleSignsAlike(t *testing.T) {
	v := readVectors(t)
	var cases []Case
	var want, names []string
	for _, c := range v.Cases {
		cases = append(cases, Case{v.Secret, c.Method, c.Path, params(c.Query), []byte(c.Body)})
		want, names = append(want, c.Sign), append(names, c.Name)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := randomCase(random)
		cases = append(cases, c)
		want = append(want, signature.Sign(c.Secret, signature.StringToSign(c.Method, c.Path, c.Query, c.Body)))
		names = append(names, "random")
	}
	for _, sample := range Samples() {
		t.Run(sample.Name, func(t *testing.T) {
			t.Parallel()
			got, err := sample.Sign(cases)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("case %d (%s): got %s, want %s: %q", i, names[i], got[i], want[i], cases[i])
				}
			}
		})
	}
}

// randomCase favours what encoders get wrong: the characters that forms, RFC 2396 and RFC 3986 treat
// differently, names that are prefixes of others, names given twice, empty values, and a stray sign.
func randomCase(random *rand.Rand) Case {
	alphabet := []rune("abAB019-._~!'()*+ %&=;:/?#[]@$,\"<>\\^`{|}\t\n\x00\u007f苏é·京😀")
	text := func(most int) string {
		runes := make([]rune, random.IntN(most+1))
		for i := range runes {
			runes[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(runes)
	}
	c := Case{Secret: "s" + text(40), Method: []string{"GET", "POST"}[random.IntN(2)], Path: "/lease/order"}
	for range random.IntN(8) {
		name := []string{"a", "a-", "a.", "A", "sign", "Sign", "app_id", text(6)}[random.IntN(8)]
		c.Query = append(c.Query, signature.Param{Name: name, Value: text(8)})
	}
	c.Body = make([]byte, random.IntN(64))
	for i := range c.Body {
		c.Body[i] = byte(random.IntN(256))
	}
	return c
}

func TestPythonVerifiesOurCalls(t *testing.T) {
	const path = "/api/SynLeaseOrder"
	now, body := time.Unix(1790000000, 0), []byte(`{"park_sn":"P 1001"}`)
	extra := []signature.Param{{Name: "x", Value: "a b+c~d*苏"}}
	query := signature.Query("chejiajia-demo", "secret", "POST", path, extra, body, now, "")
	for _, row := range []struct {
		name, secret, method, path, query string
		body                              []byte
		good                              bool
	}{
		{"as sent", "secret", "POST", path, query, body, true},
		{"other secret", "Secret", "POST", path, query, body, false},
		{"other method", "secret", "GET", path, query, body, false},
		{"other path", "secret", "POST", "/api/leasePark", query, body, false},
		{"one more parameter", "secret", "POST", path, query + "&y=", body, false},
		{"a second sign", "secret", "POST", path, query + "&sign=0", body, false},
		{"a line feed at the end of the body", "secret", "POST", path, query, append(body[:len(body):len(body)], '\n'), false},
		{"not UTF-8", "secret", "POST", path, query + "&z=%ff", body, false},
	} {
		if err := VerifyWithPython(row.secret, row.method, row.path, row.query, row.body); (err == nil) != row.good {
			t.Errorf("%s: good should be %t, got %v", row.name, row.good, err)
		}
	}
}
