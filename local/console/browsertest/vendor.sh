#!/bin/sh
# Makes ../static/vendor/preact-htm.js from the versions that package-lock.json holds, with their licences.
set -eu
cd "$(dirname "$0")"
out=../static/vendor
version() { node -p "require('./node_modules/$1/package.json').version"; }
npx --no-install esbuild vendor.mjs --bundle --format=esm --minify --target=es2022 --log-level=warning --outfile=$out/preact-htm.js \
  --banner:js="/* Preact $(version preact), MIT, (c) 2015-present Jason Miller; htm $(version htm), Apache-2.0, (c) 2018 Google Inc. Full texts beside this file. Made by local/console/browsertest/vendor.sh */"
cp node_modules/preact/LICENSE $out/LICENSE.preact
cp node_modules/htm/LICENSE $out/LICENSE.htm
