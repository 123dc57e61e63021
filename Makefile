# `make` alone lists the targets.
GOLANGCI_VERSION := v2.15.0
GOLANGCI := bin/tools/golangci-lint-$(GOLANGCI_VERSION)
HELM_VERSION := v3.22.0
HELM := bin/tools/helm-$(HELM_VERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## Build bin/mabus
	go build -trimpath -o bin/mabus ./cmd/mabus

.PHONY: up
up: build ## Run every service with an embedded NATS server
	./bin/mabus up

.PHONY: demo
demo: build ## Run the example job over Go's own source
	./bin/mabus run examples/gosource/job.yaml "$$(go env GOROOT)/src"

.PHONY: demo-llm
demo-llm: build ## Have models review documents, bundled or your own (MABUS_LLM_URL=, MAX_COST=, RUN=)
	go build -trimpath -o bin/fakellm ./examples/llm/fakellm
	RUN="$(RUN)" examples/llm/demo.sh bin/mabus bin/fakellm "$$(go env GOROOT)" $(if $(MAX_COST),--max-cost $(MAX_COST))

.PHONY: bench
bench: build ## Measure the core paths on this machine
	./bin/mabus bench core

.PHONY: bench-agents
bench-agents: build ## Measure what Mabus adds to the agents that people write
	./bin/mabus bench agents

.PHONY: bench-failover
bench-failover: build ## For how long agents are away when their host is killed, hangs or is replaced (ten minutes)
	./bin/mabus bench failover

.PHONY: bench-locks
bench-locks: build ## Measure locks against the raw writes that they are made of
	./bin/mabus bench locks

.PHONY: bench-coordination
bench-coordination: build ## Measure the replicated log and sessions of agents
	./bin/mabus bench coordination

.PHONY: bench-economics
bench-economics: build ## Measure bids, auctions, orders and winner determination
	./bin/mabus bench economics

.PHONY: bench-loadbalancer
bench-loadbalancer: build ## Measure what balancing gains when agents are slow or fail
	./bin/mabus bench loadbalancer

.PHONY: bench-perfmon
bench-perfmon: build ## Measure what measuring costs, and the store of events
	./bin/mabus bench perfmon

.PHONY: test
# Pure rules, which archtest keeps from starting anything, and their simulations: one goroutine for each, so the race detector has
# nothing to find there, and takes ten times as long. (Those of leases, balance and loads do start some.)
PURE = $(shell grep -rlE '^// Package \w+ (holds|is|has) (the )?pure rules' --include=*.go shared services client | xargs -n 1 dirname | sort -u | grep -vE '^shared/(lease/rules|balance|hostload)$$')
SIMULATED = $(PURE) test/pbftsim test/replogsim test/lockcheck test/reputationsim test/collusionsim test/economysim

# The race detector would have every process sleep for a second at its end, and tests start some hundreds. Vet is lint's, and binaries that
# nobody debugs are linked without tables for a debugger, which takes a third less time.
LEAN = $(if $(RACE),-vet=off -ldflags=-w)
# Packages that are tested at once: half as many as there are processors. Each has servers, replicas and processes of its own, whose leases and
# deadlines go by the clock.
ABREAST = $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 4); echo $$((n < 4 ? 2 : n / 2)))
# Two that run whole systems go without the race detector as well, with which they would take a fifth of all the time: the benchmarks, which
# work as fast as they can, and the scripts, which start the command some 900 times. All that they run is tested with it elsewhere.
QUICK = $(if $(filter all,$(RACE)),,bench)
SCRIPTS = ^TestScripts$$
RACED = $$(go list ./... | grep -vE "/mabus/($(subst $() ,|,$(SIMULATED) $(QUICK)))$$")
test: ## Run the tests (with the race detector: RACE=1, or RACE=all to leave nothing out but what is pure)
	$(if $(RACE),go test $(LEAN) -timeout 10m $(SIMULATED:%=./%))
	$(if $(and $(RACE),$(QUICK)),go test $(LEAN) -timeout 10m ./$(QUICK))
	$(if $(and $(RACE),$(QUICK)),go test $(LEAN) -timeout 10m -run '$(SCRIPTS)' ./cmd/mabus)
	$(if $(RACE),GORACE=atexit_sleep_ms=0) go test $(if $(RACE),-race -p $(ABREAST)) $(LEAN) -timeout 10m $(if $(and $(RACE),$(QUICK)),-skip '$(SCRIPTS)') $(if $(RACE),$(RACED),./...)

.PHONY: conformance
conformance: ## Check the worker SDKs in Go, Python and TypeScript, or any: WORKER="python3 my_worker.py"
	$(if $(WORKER),go run ./test/conformance -- $(WORKER),go test -count 1 ./client/agent/exec ./test/conformance)

.PHONY: chaos
chaos: ## Break the real processes as 50 seeds say, and check what is promised (ARGS="-seed 7 -schedules 1 -long -keep DIR")
	go test -v -count 1 -timeout 120m -run TestSchedules ./test/chaos -args -seed 1 -schedules 50 $(ARGS)

.PHONY: chaos-economy
chaos-economy: ## Hold 100,000 auctions while 200 replicas and NATS nodes are killed, and check them all (ARGS="-nodes 3 -seed 7")
	go test -v -count 1 -timeout 120m -run TestSchedules/auctions ./test/chaos -args -auctions 100000 -kills 200 -sellers 32 $(ARGS)

.PHONY: upgrade-check
upgrade-check: ## Put this tree's services in the place of an older commit's and back under load (OLD=commit; some ten minutes)
	go test -v -count 1 -timeout 60m -run 'TestRollingUpgrade|TestFrozenNamespacesInTenYears' ./test/upgrade -args -rolling $(if $(OLD),-commit $(OLD))

.PHONY: soak
soak: ## Work for minutes and see that nothing grows (ARGS="-minutes 30 -profiles DIR")
	go test -v -count 1 -timeout 26h -run "TestNothingGrows|TestCommandsOfProcessesThatDie" ./test/soak -args -minutes 10 $(ARGS)

.PHONY: rules-check
rules-check: ## Check deploy/prometheus and deploy/grafana with promtool, and against what the processes export
	go test -count 1 -v ./test/observing

.PHONY: cover
cover: ## Run the tests and list how much of each function they reach
	mkdir -p bin
	go test -coverpkg=./... -coverprofile=bin/cover.out ./...
	go tool cover -func=bin/cover.out

.PHONY: lint
# With RACE=1 it takes what the tests with the race detector have compiled.
lint: $(GOLANGCI) ## Check the form of the code (fix what can be fixed with FIX=1)
	$(if $(RACE),GOFLAGS=-race )$(GOLANGCI) run $(if $(FIX),--fix) ./...

.PHONY: check
check: ## Run what CI runs
	.ci/run

.PHONY: proto-docs
proto-docs: ## Write docs/protocol.md from the method table
	go run ./cmd/protodoc > docs/protocol.md

.PHONY: compose-check
compose-check: ## Kill, add and replace containers of the compose files, also in strict mode, while jobs and calls run
	deploy/compose-check.sh
	deploy/compose-cluster-check.sh
	STRICT=1 deploy/compose-cluster-check.sh

.PHONY: helm-check
helm-check: $(HELM) ## Check the chart with helm, and what it makes; also the units of systemd and the compose files
	$(HELM) lint --strict --kube-version 1.30.0 deploy/helm/mabus
	go test -count 1 -v ./test/deploy

.PHONY: release
release: ## Build what is published into dist/ (VERSION=0.2.0; TARGETS=linux/amd64,darwin/arm64)
	go run ./cmd/release $(if $(VERSION),--version $(VERSION)) $(if $(TARGETS),--targets $(TARGETS))

.PHONY: release-check
release-check: ## Build a target twice, the second time from nothing and elsewhere, and compare (TARGETS=linux/amd64)
	deploy/release-check.sh $(or $(TARGETS),linux/amd64)

$(HELM):
	GOBIN=$(CURDIR)/bin/tools go install -ldflags=-w helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	mv bin/tools/helm $@

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/tools/golangci-lint $@
