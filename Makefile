# make help says what there is. SAM calls build-%Function (template.yaml, Metadata).
SHELL = /bin/bash
GOARCH ?= arm64
FUNCTIONS = $(notdir $(patsubst %/,%,$(wildcard functions/*/)))
LAMBDA = CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w'
BIN = $(CURDIR)/.cache/bin
STATICCHECK = $(BIN)/staticcheck-v0.8.2
CYCLONEDX = $(BIN)/cyclonedx-gomod-v1.9.0
GOVULNCHECK = $(BIN)/govulncheck-v1.9.0
export GOFLAGS = -mod=readonly

.PHONY: help cost load run demo event sign redrive build test screenshots simulate simulate-poller chaos fuzz attack contract-test sam-check deploy smoke restore sbom vuln doctor bench-parks bench-startup bench-pushes bench reference
.DEFAULT_GOAL = help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

doctor: ## what this machine has and lacks for each of these commands
	@local/doctor/doctor.sh

run: build ## everything on loopback: functions, engines, a simulated Tongli; ends with Ctrl-C
	@exec .build/lease-local run

demo: build ## a lease travels, against a running make run
	@.build/lease-local demo

event: build ## NAME=lease-park/new-park: prints that event, freshly signed, for sam local invoke … -e -
	@.build/lease-local event $(NAME)

sign: build ## METHOD=GET PATH_=/lease/order QUERY=park_sn=P1001 BODY=: the string to sign, the sign and a curl; STRING_TO_SIGN=, SIGN=: where yours differs
	@.build/lease-local sign

redrive: build ## moves the dead letters back to the push queue: of make run, or STACK=lease-prod on AWS
	@STACK='$(STACK)' .build/lease-local redrive

build: ## the functions and lease-local, for this machine, into .build/
	@command -v go >/dev/null || { echo 'Go is missing: install Go 1.26 or later (https://go.dev/dl) and put it on the PATH.'; exit 1; }
	@echo 'building (the first time downloads modules, a minute or two)' >&2
	@mkdir -p .build
	@go build -buildvcs=false -o .build/lease-local ./local/cmd/lease-local || { echo 'The build failed. Without network, the Go modules cannot be downloaded; with an old Go, install 1.26 or later.'; exit 1; }
	@for f in $(FUNCTIONS); do $(LAMBDA) -o .build/$$f ./functions/$$f || exit 1; done

test: build $(STATICCHECK) ## formatting, vet, staticcheck, and all tests with -race on engines of their own
	@local/console/browsertest/preflight.sh >/dev/null
	@echo 'gofmt, vet, staticcheck' >&2
	@unformatted=$$(gofmt -l functions shared local docs); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	@go vet ./...
	@$(STATICCHECK) ./...
	@LEASE_BINARIES_BUILT=1 .build/lease-local engines -- go test -race -count=1 -timeout 7m ./...

screenshots: build ## the console's pictures for the README, into docs/img
	@mkdir -p docs/img
	@LEASE_BINARIES_BUILT=1 SCREENSHOTS=$(CURDIR)/docs/img .build/lease-local engines -- go test -count=1 -run TestInABrowser ./local/console/browsertest
	@ls -l docs/img

simulate: ## the push path under faults and mutations: SEEDS=10000 of them, or SEED=… with its trace
	@set -o pipefail; SEEDS=$(or $(SEEDS),10000) SEED=$(SEED) go test -count=1 -timeout 60m -v -run 'TestSimulation|TestMutations' ./local/simulation | grep -av '^=== '

simulate-poller: ## the stock of parks under faulty, frozen and overlapping sweeps: SEQUENCES=20000 of them, or SEED=…
	@go test -count=1 -timeout 60m -v -run 'TestStock' ./functions/park-poller/parkpoller -rapid.checks=$(or $(SEQUENCES),20000) $(if $(SEED),-rapid.seed=$(SEED))

chaos: build ## 300 orders while processes are killed, the queue is emptied and Tongli fails; some minutes. CHAOS_ORDERS=… for more or fewer
	@LEASE_BINARIES_BUILT=1 CHAOS_ORDERS=$(or $(CHAOS_ORDERS),300) .build/lease-local engines -- go test -count=1 -timeout 30m -v -run 'TestChaos' ./local/e2e

bench-parks: build ## finding parks around a place among 100,000: time and read units of one search
	@.build/lease-local engines -- go test -run '^$$' -bench BenchmarkNear -benchtime 200x ./shared/leasestore

bench-startup: build ## each function and a hello-world in turns: exec to the first /next, and the first answer under the quota of 128 MB. STARTUP_BINARIES=… to hold others against them
	@.build/lease-local engines -- go test -run '^$$' -bench BenchmarkStartup -benchtime 21x ./local/bench

bench-pushes: build ## ten pushes of one batch beside a single one, at 200 ms a call; TLS handshakes of 1,000 pushes
	@.build/lease-local engines -- go test -run '^$$' -bench BenchmarkPushes -benchtime 11x ./local/bench

bench: build reference ## the ten rows of docs/performance.md, ours and the reference in turns; ROW=5 for one of them, with WRITE=1 into the document too
	@.build/lease-local engines -- go run ./local/bench/run $(if $(ROW),-row $(ROW)) $(if $(WRITE),-write)

reference: # what bench holds ours against, built as ours is; OUT=… and GOARCH=… for elsewhere
	@mkdir -p $(or $(OUT),.build/reference)
	@for f in $(notdir $(wildcard local/bench/reference/cmd/*)); do \
		(cd local/bench/reference && $(if $(OUT),GOARCH=$(GOARCH)) $(LAMBDA) -o $(or $(OUT),$(CURDIR)/.build/reference)/$$f ./cmd/$$f) || exit 1; done

cost: ## docs/cost.md anew, from the model in local/bench/cost
	@go run ./local/bench/cost/write > docs/cost.md.new && mv docs/cost.md.new docs/cost.md

load: build ## 100 mixed requests a second for two minutes against a stack of its own: errors, latencies, memory. LOAD_RATE=, LOAD_DURATION=, OUT=docs/load.md
	@cd local/load && go build -o $(CURDIR)/.build/lease-load .
	@.build/lease-load $(if $(OUT),> $(OUT).new && mv $(OUT).new $(OUT))

fuzz: ## every fuzz target for FUZZTIME=1m each, then a count
	@local/fuzz/run.sh

attack: build ## REQUESTS=100000 forged, mutated and replayed requests over CONNECTIONS=8, SEED=…, against a stack of its own (or URL=…): none may be let in
	@.build/lease-local attack

contract-test: build ## schemathesis over docs/openapi.yaml, against a stack of its own or the one at LEASE_E2E_URL
	@local/contracttest/run.sh

sam-check: ## what SAM can prove without an account: lint, both builds, sizes, the same bytes twice; with Docker, every event and the API in containers
	@local/samcheck/run.sh

deploy: ## STAGE=dev or prod: shows the change set, asks, deploys what is committed
	@STAGE='$(STAGE)' PARAMETERS='$(PARAMETERS)' local/deploy/deploy.sh

smoke: build ## URL=https://… PARK=…: a deployed stage tried from outside, with an order that is cancelled at the end (docs/deploy.md)
	@.build/lease-local smoke

restore: build ## FROM=… TO=…: copies a table that point-in-time recovery made back into the stack's own (docs/deploy.md)
	@.build/lease-local restore

sbom: $(CYCLONEDX) ## .build/sbom/: what is linked into each function, as CycloneDX
	@mkdir -p .build/sbom
	@for f in $(FUNCTIONS); do GOFLAGS='-mod=readonly -tags=lambda.norpc' $(CYCLONEDX) app -json -licenses -main functions/$$f -output .build/sbom/$$f.json . || exit 1; done
	@ls .build/sbom/*.json

vuln: $(GOVULNCHECK) ## known vulnerabilities that the functions can reach, where the database can be had
	@local/supplychain/vuln.sh $(GOVULNCHECK)

$(GOVULNCHECK):
	@echo 'installing govulncheck' >&2
	@mkdir -p $(BIN)
	@GOFLAGS= GOBIN=$(BIN) go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
	@mv $(BIN)/govulncheck $@

$(CYCLONEDX):
	@echo 'installing cyclonedx-gomod' >&2
	@mkdir -p $(BIN)
	@GOFLAGS= GOBIN=$(BIN) go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0
	@mv $(BIN)/cyclonedx-gomod $@

$(STATICCHECK):
	@echo 'installing staticcheck' >&2
	@mkdir -p $(BIN)
	@GOFLAGS= GOBIN=$(BIN) go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	@mv $(BIN)/staticcheck $@

# Called by `sam build`: build-LeaseParkFunction makes functions/lease-park for the template's architecture.
build-%Function:
	GOOS=linux GOARCH=$(GOARCH) $(LAMBDA) -o $(ARTIFACTS_DIR)/bootstrap \
		./functions/$(shell echo $* | sed -E 's/([a-z])([A-Z])/\1-\2/g' | tr A-Z a-z)
