package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"lease-gateway/local/signdebug"
	"lease-gateway/local/stack"
)

// toSign are the variables of `make sign`.
type toSign struct {
	Method       string `env:"METHOD" envDefault:"POST"`
	Path         string `env:"PATH_,required"`
	Query        string `env:"QUERY"`
	Body         string `env:"BODY"`
	ContentType  string `env:"CONTENT_TYPE"`
	Direction    string `env:"DIRECTION" envDefault:"inbound"`
	StringToSign string `env:"STRING_TO_SIGN"`
	Sign         string `env:"SIGN"`
	Port         string `env:"PORT" envDefault:"8080"`
	ConsolePort  string `env:"CONSOLE_PORT" envDefault:"8081"`
	TongliURL    string `env:"TONGLI_BASE_URL" envDefault:"http://127.0.0.1:9000"`
}

// sign prints what is to be signed, the sign and a curl; it needs no running stack, but asks one where it is.
func sign(ctx context.Context) error {
	v, err := env.ParseAs[toSign]()
	if err != nil {
		return fmt.Errorf("%w; for example: make sign METHOD=GET PATH_=/lease/order QUERY=park_sn=P1001", err)
	}
	body, err := bodyOf(v.Body)
	if err != nil {
		return err
	}
	where := struct{ API, Tongli string }{"http://127.0.0.1:" + v.Port, v.TongliURL}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = fetch(short, "http://127.0.0.1:"+v.ConsolePort+"/stack.json", &where) // without a stack the defaults stand
	debugger := stack.Signatures(where.API, where.Tongli)
	a, err := debugger.Explain(signdebug.Question{Direction: v.Direction, Method: v.Method, Path: v.Path, Query: v.Query, Body: body,
		ContentType: v.ContentType, StringToSign: v.StringToSign, Sign: v.Sign})
	if err != nil {
		return err
	}
	fmt.Printf("string to sign (%d bytes, on one line):\n%s\n\nsign:\n%s\n\n%s\n", a.Bytes, a.Escaped, a.Sign, a.Curl)
	if a.Verdict != signdebug.Signed {
		fmt.Printf("\n%s", verdict(a))
	}
	return nil
}

// bodyOf reads a file where the variable names one: BODY=@park.json.
func bodyOf(v string) (string, error) {
	if file, ok := strings.CutPrefix(v, "@"); ok {
		raw, err := os.ReadFile(file)
		return string(raw), err
	}
	return v, nil
}

// verdict is an answer in words.
func verdict(a signdebug.Answer) string {
	var b strings.Builder
	b.WriteString(map[string]string{signdebug.Equal: "yours is the same\n", signdebug.SignDiffers: "your sign is another one\n", signdebug.StringDiffers: ""}[a.Verdict])
	if d := a.Difference; d != nil {
		fmt.Fprintf(&b, "your string differs from byte %d on (line %d, %s %s), behind …%s\n  ours:  %s\n  yours: %s\n", d.Offset, d.Line, d.Part, d.Name, d.Before, d.Ours, d.Yours)
	}
	for _, c := range a.Causes {
		fmt.Fprintf(&b, "%s: %s\n%s\n", c.Cause, c.Hint, c.HintZH)
	}
	for _, p := range a.Problems {
		fmt.Fprintf(&b, "and it would be refused: %d, %s\n", p.Code, p.Reason)
	}
	return b.String()
}
