package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lease-gateway/local/engines"
	"lease-gateway/local/stack"
	"lease-gateway/shared/signature"
)

// signedParts are the parts of what `make sign` prints.
var signedParts = regexp.MustCompile(`^string to sign \((\d+) bytes, on one line\):\n(.*)\n\nsign:\n([0-9a-f]{64})\n\n((?s)curl .*)\n$`)

// makeSign runs `make sign` as a person would, variables on the command line, where $ is make's own.
func makeSign(t *testing.T, variables ...string) (text, sign, curl string) {
	t.Helper()
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-s", "-C", root, "-o", "build", "sign"} // it is built
	for _, v := range variables {
		args = append(args, strings.ReplaceAll(v, "$", "$$"))
	}
	out, err := exec.CommandContext(t.Context(), "make", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("make %q: %v\n%s", args, err, out)
	}
	parts := signedParts.FindStringSubmatch(string(out))
	if parts == nil {
		t.Fatalf("make %q printed\n%s", args, out)
	}
	return parts[2], parts[3], parts[4]
}

// TestMakeSign: what it prints is what the signature vectors have, and its curl is answered with 0.
func TestMakeSign(t *testing.T) {
	s := start(t, stack.Options{})
	api, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port := "PORT=" + api.Port() // nothing listens at CONSOLE_PORT: the variables count, not what runs
	file := filepath.Join(t.TempDir(), "park.json")
	if err := os.WriteFile(file, []byte(park("it's $P `1`")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variables := range [][]string{
		{"PATH_=/lease/park", "BODY=@" + file},
		{"METHOD=POST", "PATH_=/lease/park", "BODY=" + park(`it's $P2 "quoted"`)},
		{"METHOD=GET", "PATH_=/lease/order", "QUERY=park_sn=" + escape("it's $P `1`") + "&car_plate_no=" + escape("苏·e88888")},
		{"METHOD=POST", "PATH_=/lease/order", "CONTENT_TYPE=application/x-www-form-urlencoded", "BODY=park_sn=" + escape("it's $P `1`") + "&page=1"},
	} {
		text, _, curl := makeSign(t, append(variables, port, "CONSOLE_PORT=1")...)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", curl).Output()
		if err != nil || !strings.HasPrefix(string(out), `{"code":0,`) {
			t.Errorf("%q: %s\n%v %s", variables, curl, err, out)
		}
		if !strings.Contains(text, `\n/lease/`) {
			t.Errorf("%q: string to sign %s", variables, text)
		}
	}
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "shared/signature/testdata/signature-vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Secret string
		Cases  []struct {
			Name, Method, Path, Body, Sign string
			Query                          [][2]string
			StringToSign                   string `json:"string_to_sign"`
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || vectors.Secret != stack.Secret || len(vectors.Cases) == 0 {
		t.Fatal(err, vectors.Secret)
	}
	for _, v := range vectors.Cases {
		var params []signature.Param
		for _, q := range v.Query {
			params = append(params, signature.Param{Name: q[0], Value: q[1]})
		}
		direction := "inbound"
		if strings.HasPrefix(v.Path, "/api/") {
			direction = "outbound"
		}
		text, sign, _ := makeSign(t, "METHOD="+v.Method, "PATH_="+v.Path, "QUERY="+signature.CanonicalQuery(params), "BODY="+v.Body, "DIRECTION="+direction, "CONSOLE_PORT=1")
		if sign != v.Sign || strings.ReplaceAll(text, `\n`, "\n") != v.StringToSign {
			t.Errorf("%s: %s of %s, want %s of %q", v.Name, sign, text, v.Sign, v.StringToSign)
		}
	}
}
