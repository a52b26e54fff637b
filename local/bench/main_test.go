// Package bench has the benchmarks that need engines or processes of their own. `go test` only compiles them.
package bench

import (
	"testing"

	"lease-gateway/local/engines/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }
