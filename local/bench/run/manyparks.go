package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
)

// manyParksEnv makes this program a Tongli that lists 100,000 parks: in a process of its own, so that nothing of it is measured.
const manyParksEnv = "LEASE_BENCH_MANY_PARKS"

func init() {
	if os.Getenv(manyParksEnv) != "" {
		serveManyParks()
	}
}

// startManyParks starts that process and returns its address.
func startManyParks() (address string, stop func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), manyParksEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = in.Close()
		_ = cmd.Wait()
	}
	if address, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		stop()
		return "", nil, err
	}
	return strings.TrimSpace(address), stop, nil
}

func serveManyParks() {
	var round atomic.Int64
	http.HandleFunc("POST /change", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.URL.Query().Get("round"), 10, 64)
		round.Store(n)
	})
	http.HandleFunc("POST /api/leasePark", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Page, Limit int }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b := []byte(`{"code":0,"msg":"ok","data":[`)
		from := min((in.Page-1)*in.Limit, pollParks)
		to := min(from+in.Limit, pollParks)
		for i := from; i < to; i++ {
			b = appendPark(b, i, round.Load())
			if i+1 < to {
				b = append(b, ',')
			}
		}
		_, _ = w.Write(append(b, "]}"...))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", l.Addr())
	go func() { _ = http.Serve(l, nil) }()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent lets go
	os.Exit(0)
}

// appendPark writes a park as a city has them; one of a hundred changes its price with the round.
func appendPark(b []byte, i int, round int64) []byte {
	price := int64(100 + 50*(i%4))
	if i%100 == 7 {
		price += round
	}
	return fmt.Appendf(b, `{"park_sn":"SZ%06d","park_name":"苏州工业园区%d号国际科技园地下停车场","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":%d,"is_sun":1,"is_holiday":%d,"price":%d,"start_price":300,"holiday_price":2000,"longitude":"%.6f","latitude":"%.6f"}`,
		i, i, i%2, i/2%2, price, 120.3+0.6*float64(i%317)/317, 31.1+0.5*float64(i/317)/317)
}
