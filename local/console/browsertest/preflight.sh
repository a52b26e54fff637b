#!/bin/sh
# Says in one sentence what the browser tests lack on this machine; prints the browser's path where nothing is missing.
lacks() {
  echo "The browser tests need Chromium, Node 20 or later and npm, and $1: on Debian \`apt-get install -y --no-install-recommends chromium fonts-wqy-zenhei nodejs npm\`; or set CHROMIUM to your Chrome or Chromium." >&2
  exit 1
}
browser=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome-stable google-chrome; do
  [ -n "$browser" ] || browser=$(command -v $name)
done
[ -x "$browser" ] || lacks 'no browser was found'
command -v node >/dev/null || lacks 'node was not found'
command -v npm >/dev/null || lacks 'npm was not found'
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || lacks "node is $(node --version)"
echo "$browser"
