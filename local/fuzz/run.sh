#!/bin/bash
# Runs every fuzz target of the module for FUZZTIME (1m) each, one after the other, and ends with a count. The targets are found by
# go test itself. What is found stands under testdata/fuzz of its package: commit it, it is a seed from then on.
set -u -o pipefail
cd "$(dirname "$0")/../.."
targets=() failed=() total=0
listed=$(go test -list '^Fuzz' ./...) || { echo "$listed" >&2; exit 1; }
names=()
while read -r first second _; do
	case $first in
	Fuzz*) names+=("$first") ;;
	ok)
		for name in "${names[@]:+${names[@]}}"; do targets+=("$second $name"); done
		names=()
		;;
	esac
done <<<"$listed"
[ ${#targets[@]} -gt 0 ] || { echo 'no fuzz target found' >&2; exit 1; }
for target in "${targets[@]}"; do
	read -r package name <<<"$target"
	out=$(go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-1m}" "$package" 2>&1) || { failed+=("$target"); echo "$out"; }
	execs=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' <<<"$out" | tail -1)
	total=$((total + ${execs:-0}))
	printf '%-55s %-20s %12d executions\n' "$package" "$name" "${execs:-0}"
done
echo "${#targets[@]} targets, $total executions, ${#failed[@]} found something"
for target in "${failed[@]:+${failed[@]}}"; do echo "failed: $target"; done
[ ${#failed[@]} -eq 0 ]
