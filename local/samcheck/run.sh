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
if (cd "$work/copy" && GOCACHE=$work/gocache make -s build-LeaseParkFunction ARTIFACTS_DIR="$work" GOARCH=arm64) >"$work/out" 2>&1 &&
  cmp -s "$work/bootstrap" "$work/arm64/LeaseParkFunction/bootstrap"; then ok "reproducible: lease-park from a copy has the same bytes"
else bad "lease-park from a copy differs" "$work/out"; fi

# In a container, with the emulator that ships inside aws-sam-cli. unknown-route needs no engine: its answer is the proof
# that the built binary, the template and the emulator fit.
if ! docker info >/dev/null 2>&1; then
  skip "sam local invoke: no Docker engine answers on this machine"
elif [ "$(uname -m)" != x86_64 ]; then
  skip "sam local invoke: the image here is made for x86_64"
else
  emulator=$("$venv/bin/python" -c 'import samcli; print(samcli.__path__[0])')/local/rapid/aws-lambda-rie-x86_64
  mkdir -p "$work/image/var/rapid" "$work/image/var/task" "$work/image/tmp"
  install -m 755 "$emulator" "$work/image/var/rapid/aws-lambda-rie"
  chmod 755 "$work/image"; chmod 1777 "$work/image/tmp"
  tar -C "$work/image" --owner=0 --group=0 -c . | docker import --platform linux/amd64 --change 'ENTRYPOINT ["/var/rapid/aws-lambda-rie"]' \
    --change 'WORKDIR /var/task' - public.ecr.aws/lambda/provided:al2023-rapid-x86_64 >"$work/out" 2>&1 || bad "docker import" "$work/out"
  event='{"version":"2.0","routeKey":"$default","rawPath":"/nowhere","rawQueryString":"","headers":{},"requestContext":{"requestId":"r","http":{"method":"GET","path":"/nowhere"}},"isBase64Encoded":false}'
  for try in 1 2; do # the emulator answers one cold start in 150 with a 502
    answer=$("$venv/bin/sam" local invoke UnknownRouteFunction -t "$work/x86_64/template.yaml" --config-file "$PWD/samconfig.toml" --config-env local -e - <<<"$event" 2>"$work/out")
    [[ $answer == *40400* ]] && break
  done
  if [[ $answer == *40400* ]]; then ok "sam local invoke UnknownRouteFunction"; else bad "sam local invoke UnknownRouteFunction: $answer" "$work/out"; fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
