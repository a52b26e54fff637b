package bench

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lease-gateway/local/bench/startup"
	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
)

// BenchmarkStartup starts each function and a hello-world of the same library in turns: from exec to the first /next, and under the quota
// of 128 MB to the first answer. STARTUP_BINARIES names a folder with others to hold against ours. Run: make bench-startup
func BenchmarkStartup(b *testing.B) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	hello, err := startup.Hello(b.Context(), root, folder)
	if err != nil {
		b.Fatal(err)
	}
	cold, err := startup.WithoutWarmUp(b.Context(), root, folder)
	if err != nil {
		b.Fatal(err)
	}
	quota, err := startup.NewQuota(startup.Share128MB)
	if errors.Is(err, startup.ErrNoQuota) {
		b.Log(err)
	} else if err != nil {
		b.Fatal(err)
	} else {
		b.Logf("the first event runs under %.2f %% of a processor, by %s", startup.Share128MB*100, quota.Method)
	}
	dynamo, sqs := enginetest.Start(b)
	folders := []string{filepath.Join(root, ".build")}
	if other := os.Getenv("STARTUP_BINARIES"); other != "" {
		folders = append(folders, other)
	}
	var rigs []*startup.Rig
	for _, folder := range folders {
		rig, err := startup.NewRig(b.Context(), root, folder, dynamo, sqs)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = rig.Close() })
		rigs = append(rigs, rig)
	}
	for _, event := range []string{"lease-order/first-page", "lease-park/new-park", "app-order/place-order", "app-park/one-park", "whitelist-sweeper/scheduled", "whitelist-pusher/one-plate"} {
		function, _, _ := strings.Cut(event, "/")
		b.Run(function, func(b *testing.B) {
			quiet := rigs[0].Binary(function, "")
			quiet.Path = filepath.Join(cold, function)
			binaries := []startup.Binary{{Path: hello}, quiet}
			for i, rig := range rigs {
				binary := rig.Binary(function, event)
				if _, err := os.Stat(binary.Path); i > 0 && err != nil {
					continue
				}
				if function == "whitelist-pusher" {
					binary.Event = nil // its first answer is Tongli's
				}
				binaries = append(binaries, binary)
			}
			runs, err := startup.Interleave(b.Context(), b.N, quota, binaries...)
			if err != nil {
				b.Fatal(err)
			}
			for i, all := range runs {
				b.Logf("%s\n\tinit %s, CPU %s\n\tfirst answer %s, CPU %s; a caller waits %s", binaries[i].Path,
					startup.Of(all, func(r startup.Result) time.Duration { return r.Init.Wall }),
					startup.Of(all, func(r startup.Result) time.Duration { return r.Init.CPU }),
					startup.Of(all, func(r startup.Result) time.Duration { return r.Answer.Wall }),
					startup.Of(all, func(r startup.Result) time.Duration { return r.Answer.CPU }), startup.Of(all, startup.Result.Wait))
			}
			b.ReportMetric(float64(startup.Of(runs[2], startup.Result.Wait).Median.Microseconds())/1000, "wait-ms")
			b.ReportMetric(float64(startup.Of(runs[1], func(r startup.Result) time.Duration { return r.Init.CPU }).Median)/float64(startup.Of(runs[0], func(r startup.Result) time.Duration { return r.Init.CPU }).Median), "x-hello")
		})
	}
}
