#!/usr/bin/env bash
# What this machine has and lacks for each of the README's commands: one line each, and for what is missing one sentence that says what to do.
# Ends with 1 when `make run` cannot work.
cd "$(dirname "$0")/../.." || exit 1
lacking=0

ok() { printf 'ok       %s\n' "$1"; }
lacks() { # lacks WHAT "what to do": run cannot work
  printf 'MISSING  %s: %s\n' "$1" "$2"
  lacking=$((lacking + 1))
}
without() { printf 'without  %s: %s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }

wanted=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' go.mod)
echo "for make run"
if ! has go; then
  lacks Go "install Go $wanted or later from https://go.dev/dl and put it on the PATH."
else
  found=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//')
  if [ "$(printf '%s\n%s\n' "$wanted" "${found:-0}" | sort -V | head -1)" = "$wanted" ]; then
    ok "Go $found"
  elif [ "$(go env GOTOOLCHAIN 2>/dev/null)" = local ]; then
    lacks "Go $wanted (there is $found)" "install it from https://go.dev/dl, or unset GOTOOLCHAIN=local so that Go fetches it."
  else
    ok "Go $found, which fetches Go $wanted on first use"
  fi
fi
if has java; then
  major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
  if [ "${major:-0}" -ge 17 ]; then ok "Java $major"; else lacks "Java 17 (there is ${major:-an unknown one})" "install a JDK of version 17 or later and put it first on the PATH."; fi
fi
packages=()
has java || packages+=(openjdk-17-jdk-headless)
[ -e .cache/engines ] || has mvn || packages+=(maven)
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && has apt-get; then
    ok "${packages[*]}: not there, make run installs them by apt-get"
  else
    lacks "${packages[*]}" "install them (on Debian: sudo apt-get install -y --no-install-recommends ${packages[*]})."
  fi
elif has mvn; then
  ok "Maven"
fi
for name in PORT:8080:"the API" INVOKE_PORT:3001:"the Invoke API" CONSOLE_PORT:8081:"the console"; do
  IFS=: read -r variable fallback what <<<"$name"
  port=${!variable:-$fallback}
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    lacks "port $port, for $what" "something listens there; end it, or choose another: make run $variable=$((port + 1000))."
  else
    ok "port $port is free, for $what"
  fi
done
free=$(df -Pk . | awk 'NR==2 {print int($4/1024)}')
if [ "$free" -ge 1500 ]; then ok "$free MB of disk"; else lacks "disk: $free MB" "1,500 MB are needed for the modules, the engines and the build."; fi
if has go && [ "$(go env GOPROXY 2>/dev/null)" = off ]; then
  go mod verify >/dev/null 2>&1 || lacks "Go modules" "GOPROXY is off and the modules are not in the cache; unset it once, with a network."
fi

echo "for make test, besides"
for need in php:php-cli node:nodejs python3:python3 openssl:openssl curl:curl; do
  if has "${need%%:*}"; then ok "${need%%:*}"; else without "${need%%:*}" "install ${need#*:} (on Debian: apt-get install -y --no-install-recommends ${need#*:}); make test fails without it."; fi
done
if has chromium || has chromium-browser || has google-chrome; then
  ok chromium
else
  without chromium "the console is tested in a browser; install it (on Debian: apt-get install -y --no-install-recommends chromium)."
fi

echo "for make sam-check, besides"
if has docker && docker info >/dev/null 2>&1; then ok "a Docker engine"; else without "a Docker engine" "sam local invoke is left out; everything else is checked."; fi
if has python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; then ok "python3 with venv"; else without "python3 with venv" "install python3-venv; aws-sam-cli lives in a virtual environment."; fi

if [ "$lacking" -gt 0 ]; then
  echo "make run cannot work yet: $lacking missing, see above"
  exit 1
fi
echo "make run can work"
