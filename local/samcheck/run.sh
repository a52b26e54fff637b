#!/usr/bin/env bash
# make sam-check: what SAM can prove without an account. Ends with a count; fails when anything fails.
set -uo pipefail
cd "$(dirname "$0")/../.."
venv=$PWD/.cache/samcheck
limit=8912896 # 8.5 MB, of a function's binary for arm64
export SAM_CLI_TELEMETRY=0
passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ok() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1"; [ -z "${2:-}" ] || tail -n 20 "$2" | sed 's/^/      /'; }
skip() { skipped=$((skipped + 1)); echo "skip  $1"; }
check() { # check WORDS COMMAND…
  local words=$1; shift
  if "$@" >"$work/out" 2>&1; then ok "$words"; else bad "$words" "$work/out"; fi
}

if ! [ -x "$venv/bin/sam" ] || ! cmp -s local/samcheck/requirements.txt "$venv/installed"; then
  echo "installing aws-sam-cli and cfn-lint into .cache/samcheck (a minute)"
  { python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r local/samcheck/requirements.txt; } >"$work/out" 2>&1 ||
    { bad "install aws-sam-cli: python3 with venv and a package index are needed" "$work/out"; echo "$passed passed, $failed failed, $skipped skipped"; exit 1; }
  cp local/samcheck/requirements.txt "$venv/installed"
fi

check "sam validate --lint" "$venv/bin/sam" validate --lint
check "cfn-lint, which transforms first" "$venv/bin/cfn-lint" template.yaml

for arch in arm64 x86_64; do
  check "sam build for $arch" "$venv/bin/sam" build --build-dir "$work/$arch" --parameter-overrides "Architecture=$arch"
  for dir in functions/*/; do
    name=$(basename "$dir")
    id=$(sed -E 's/(^|-)([a-z])/\U\2/g' <<<"$name")Function
    binary=$work/$arch/$id/bootstrap
    if ! [ -x "$binary" ]; then bad "$name for $arch: no bootstrap"; continue; fi
    size=$(stat -c %s "$binary")
    case $arch in arm64) machine=b700 ;; x86_64) machine=3e00 ;; esac
    if [ "$(od -An -tx1 -j18 -N2 "$binary" | tr -d ' ')" != $machine ]; then bad "$name: not a binary for $arch"
    elif [ $arch = arm64 ] && [ "$size" -gt $limit ]; then bad "$name: $size bytes, more than $limit"
    else ok "$name for $arch: $size bytes"; fi
  done
done

# The same source in another folder and with a cold build cache makes the same bytes.
mkdir "$work/copy" && git ls-files -z | xargs -0 cp --parents -t "$work/copy" 2>/dev/null
for dir in functions/*/; do
  name=$(basename "$dir")
  id=$(sed -E 's/(^|-)([a-z])/\U\2/g' <<<"$name")Function
  if (cd "$work/copy" && GOCACHE=$work/gocache make -s "build-$id" ARTIFACTS_DIR="$work" GOARCH=arm64) >"$work/out" 2>&1 &&
    cmp -s "$work/bootstrap" "$work/arm64/$id/bootstrap"; then ok "reproducible: $name from a copy, with a cold cache, has the same bytes"
  else bad "$name from a copy differs" "$work/out"; fi
done

# Known holes in what is linked.
if make -s vuln >"$work/out" 2>&1; then ok "govulncheck: $(tail -n 1 "$work/out")"
elif grep -q 'database cannot be reached' "$work/out"; then skip "govulncheck: its database, vuln.go.dev, cannot be reached from here"
else bad "govulncheck" "$work/out"; fi

# In containers, against the local engines: the same tests as against the local gateway. A test counts by its line.
tests() { # tests WORDS EXPRESSION-OF-NAMES GO-TEST-ARGUMENTS…
  local words=$1 names=$2 status count=0 verdict name seconds
  shift 2
  LEASE_SAM=$venv/bin/sam LEASE_SAM_TEMPLATE=$work/x86_64/template.yaml CONTAINER_ADDRESS=$address LEASE_BINARIES_BUILT=1 \
    go test -count=1 -timeout 20m -v ./local/e2e "$@" >"$work/tests" 2>&1
  status=$?
  while read -r _ verdict name seconds; do
    count=$((count + 1))
    case $verdict in PASS:) ok "$words $name $seconds" ;; *) bad "$words $name" ;; esac
  done < <(grep -E "^ *--- [A-Z]+: $names" "$work/tests" | sed "s/TestEvents.//")
  grep -o 'left out: .*' "$work/tests" | sed 's/^/      /'
  if [ $status -ne 0 ] || [ $count -eq 0 ]; then bad "$words: $count ran, go test ended with $status" "$work/tests"; fi
}

if ! docker info >/dev/null 2>&1; then
  skip "sam local invoke, every function with every event: no Docker engine answers on this machine"
  skip "sam local start-api, the end-to-end tests of the HTTP routes: no Docker engine answers on this machine"
elif [ "$(uname -m)" != x86_64 ]; then
  skip "sam local invoke and start-api: samcheck builds what it runs for x86_64, and this machine is $(uname -m)"
else
  # Docker Desktop has its bridge inside a virtual machine, and leads containers to this machine's loopback
  address=$(docker network inspect bridge --format '{{index .Options "com.docker.network.bridge.name"}}')
  [ "$(uname -s)" = Linux ] || address=127.0.0.1
  check "the image for sam local" local/samcheck/image.sh "$venv/bin/sam"
  check "make build" make -s build
  tests "sam local invoke" 'TestEvents/' -run '^TestEvents$'
  # what is skipped does not speak to the API, or kills and counts outside of the containers
  tests "sam local start-api:" 'Test[A-Za-z]+ ' -skip '^(TestEvents|TestImportsGoOneWay|TestForbidden|TestKilledAndStartedAgain|TestChaos|TestDeadLetters|TestUnitsOfAnOrder)$'
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
