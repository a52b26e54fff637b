#!/bin/sh
# Runs schemathesis with docs/openapi.yaml against the gateway at LEASE_E2E_URL, or against a local stack of its own.
# Fails on a 5xx, a status or content type that is not documented, or an answer that breaks its schema.
# The document's positive and negative checks on data are left out: the contract accepts more than a schema can say
# (strings are trimmed, plates are normalised, null is absent) and judges more (dates, overlaps, terms);
# local/docstest holds the bounds against the decoder instead.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
venv=$root/.cache/contracttest
if ! "$venv/bin/schemathesis" --version 2>/dev/null | grep -qF "$(sed 's/.*==//' local/contracttest/requirements.txt)"; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install -q -r local/contracttest/requirements.txt
fi

work=$(mktemp -d)
stack=
finish() {
	if [ -n "$stack" ]; then
		kill -TERM "-$stack" 2>/dev/null || true
		wait "$stack" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

base=${LEASE_E2E_URL:-}
if [ -z "$base" ]; then
	set -- $(python3 -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[x.getsockname()[1] for x in s])')
	PORT=$1 INVOKE_PORT=$2 CONSOLE_PORT=$3 DATA_DIR=$work/data setsid make -s run >"$work/log" 2>&1 &
	stack=$!
	tries=0
	until base=$(sed -n 's/^ready //p' "$work/log") && [ -n "$base" ]; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ] || ! kill -0 "$stack" 2>/dev/null; then
			cat "$work/log" >&2
			echo "the local stack did not get ready" >&2
			exit 1
		fi
		sleep 1
	done
fi

# one worker: Hypothesis is not safe with several threads, and fails with KeyErrors of its own now and then
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" local/contracttest/hooks.py "$base"
cd "$work" # schemathesis keeps notes in the working directory
SCHEMATHESIS_HOOKS=$root/local/contracttest/hooks.py PYTHONDONTWRITEBYTECODE=1 "$venv/bin/schemathesis" run "$root/docs/openapi.yaml" \
	--url "$base" --mode all --phases examples,coverage,fuzzing \
	--checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance \
	--max-examples "${EXAMPLES:-100}" --seed "${SEED:-1}" --workers 1 --request-timeout 20 \
	--generation-database none --suppress-health-check all --no-color
