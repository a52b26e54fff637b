package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"lease-gateway/local/signdebug"
	"lease-gateway/local/stack"
)

// TestSignatureDebugger: the curl that the debugger gives is answered with 0, and the debugger is on the console's port only.
func TestSignatureDebugger(t *testing.T) {
	s := start(t, stack.Options{})
	ask := func(base string, q signdebug.Question) (status int, a signdebug.Answer) {
		t.Helper()
		raw, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(base+"/debug/signature", "application/json", strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || json.Unmarshal(body, &a) != nil {
			t.Fatalf("%v %s", err, body)
		}
		return resp.StatusCode, a
	}
	push := signdebug.Question{Method: "POST", Path: "/lease/park", Body: park("it's P1")}
	for _, q := range []signdebug.Question{push,
		{Method: "GET", Path: "/lease/order", Query: "park_sn=it's+P1&car_plate_no=%E8%8B%8F+E88888"},
		{Method: "POST", Path: "/lease/order", Body: "park_sn=it's+P1&page=1", ContentType: "application/x-www-form-urlencoded"}} {
		status, a := ask(s.ConsoleURL, q)
		if status != 200 || a.Verdict != signdebug.Signed {
			t.Fatalf("%d %+v", status, a)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", a.Curl).Output()
		if err != nil || !strings.HasPrefix(string(out), `{"code":0,`) {
			t.Errorf("%s: %v %s", a.Curl, err, out)
		}
	}
	push.Query, push.Sign = "app_id="+stack.InboundAppID+"&timestamp=1790000000&nonce=5f3c0e9a1b7d4c2e", "0"
	if _, a := ask(s.ConsoleURL, push); a.Verdict != signdebug.SignDiffers || len(a.Problems) != 1 || a.Problems[0].Code != 40104 {
		t.Errorf("%+v", a)
	}
	if a := send(t, "POST", s.URL+"/debug/signature", "application/json", []byte("{}")); a.Status != 404 || a.Code != 40400 {
		t.Errorf("on the API's port: %d %s", a.Status, a.Raw)
	}
}
