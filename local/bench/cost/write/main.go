// Command write prints docs/cost.md.
package main

import (
	"fmt"

	"lease-gateway/local/bench/cost"
)

func main() { fmt.Print(cost.Render()) }
