package cost

import (
	"math"
	"os"
	"testing"

	"lease-gateway/local/engines"
)

func TestTheDocumentIsTheModel(t *testing.T) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(root + "/docs/cost.md")
	if err != nil || string(raw) != Render() {
		t.Errorf("docs/cost.md is not what the model says: make cost writes it (%v)", err)
	}
}

// TestRowTen: what a million orders may cost, when each is pushed alone; with everything that watches them, when they come ten at a time.
func TestRowTen(t *testing.T) {
	if _, services := Total(We.Order(Listed, 1)); services*million > RowTen {
		t.Errorf("$%.3f for a million orders, the goal is $%.1f", services*million, RowTen)
	}
	if all, _ := Total(We.Order(Listed, 10)); all*million > RowTen {
		t.Errorf("$%.3f for a million orders in batches, the goal is $%.1f", all*million, RowTen)
	}
}

// TestKnownSums holds the model against sums that were made without it.
func TestKnownSums(t *testing.T) {
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: $%.4f, want $%.4f", name, got, want)
		}
	}
	near("a million requests of the HTTP API", We.Order(Listed, 1)[0].Dollars*million, 1)
	near("five million write units", We.Order(Listed, 1)[1].Dollars*million, 3.1)
	writes := 100_000 * polls * days
	near("rewriting 100,000 parks at each poll of a month", Units{Write: writes}.dollars(Listed), 540)
	near("reading them in batches", Units{Read: writes / 2}.dollars(Listed), 54)
	near("scanning them", Units{Read: 48 * 100 * polls * days}.dollars(Listed), 5.2)
	near("88 KB to the internet, a million times", 88e-6*Listed.Egress*million, 7.9)
	for _, l := range Sizes {
		ours, _ := Total(We.Month(Listed, l))
		theirs, _ := Total(They.Month(Listed, l))
		if ours <= 0 || l.Orders >= 100_000 && ours >= theirs {
			t.Errorf("%v: ours $%.2f, the reference $%.2f", l, ours, theirs)
		}
	}
}
