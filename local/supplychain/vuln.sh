#!/usr/bin/env bash
# make vuln: known vulnerabilities in the code that the functions can reach. Exits with 1 when there are some, with 3 when nobody
# could look them up: GOVULNDB (default https://vuln.go.dev) must be reachable, or name a mirror or a directory (file://…).
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$("$1" -tags lambda.norpc ./functions/... 2>&1)
status=$?
echo "$out"
if [ $status -ne 0 ] && grep -q 'fetching vulnerabilities' <<<"$out"; then
  echo "nothing was checked: the vulnerability database cannot be reached (GOVULNDB names another one)"
  exit 3
fi
exit $status
