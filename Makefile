# heliograph. `make` lists what there is.

SHELL := /bin/bash -o pipefail

GO        ?= go
FUZZTIME  ?= 10s
BENCH     ?= .
BENCHTIME ?= 1s
COUNT     ?= 3
SOAK      ?= 3m
REQUESTS  ?= 1000000
PAGES     ?= 1000000

# Debian keeps nginx where only root looks for programs.
export PATH := $(PATH):/usr/sbin
# The tests that say more without the race detector.
WITHOUT_RACE := ^(TestAFreshHitAllocatesNothing|TestAPageWithoutObjectionDoesNotAllocate|TestLargeAnswerTakesLittleMemory|TestHitAllocatesLittle|TestHitRatio)$$
# The seconds of load that bench-nginx takes in all.
export BENCH_SECONDS ?= 40

# A tag, or a tag and how far from it; without tags the program names itself.
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION:v%=%))

.DEFAULT_GOAL := help
.PHONY: help download build test test-short needs lint format-check vet golangci vulnerabilities fmt \
	fuzz matrix conformance bench bench-go bench-hitratio bench-memory bench-nginx demo soak image-root docker clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

download: ## fetch the modules that the program is built from
	$(GO) mod download

build: ## build bin/heliograph, static and stripped; VERSION=1.2.3 names it
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/heliograph ./cmd/heliograph

test: needs lint ## install what the tests need, then formatting, vet, linters, vulnerabilities, all tests with the race detector
	@if command -v gcc >/dev/null || command -v clang >/dev/null; then race=-race; else \
		echo 'skipped: the race detector, which needs a C compiler'; fi; \
	set -x; $(GO) test $$race -timeout 4m -skip '^TestMatrix$$' ./...
	@# What the race detector changes: allocations, and the size of what passes in reasonable time.
	$(GO) test -count 1 -timeout 4m -run '$(WITHOUT_RACE)' ./cache ./cache/replay ./health/gate ./proxy
	@# Dozens of edges at once: the race detector would take the time that probes have.
	$(MAKE) --no-print-directory matrix

test-short: ## the quick tests, without the race detector
	$(GO) test -short -timeout 2m ./...

needs: ## install what the tests need beyond Go, from Debian's packages where apt-get is there
	@.ci/needs gcc nginx

lint: format-check vet golangci vulnerabilities ## formatting, go vet, golangci-lint, govulncheck

format-check:
	@unformatted="$$(gofmt -l cache cmd configs health proxy)"; if [ -n "$$unformatted" ]; then \
		echo "not formatted, run 'make fmt':"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...

golangci:
	.ci/tool golangci-lint run ./...

vulnerabilities:
	.ci/vulnerabilities

fmt: ## format the Go files
	gofmt -w cache cmd configs health proxy

fuzz: ## run each fuzzer for FUZZTIME (10s)
	@.ci/fuzz $(FUZZTIME)

matrix: ## every scenario of blocking with a fresh, a stale and no stored copy; prints the table of health/MATRIX.md
	@table="$$(mktemp)"; $(GO) test -count 1 -timeout 10m -run '^TestMatrix$$' ./cmd/heliograph -matrix "$$table"; \
		code=$$?; cat "$$table"; rm -f "$$table"; exit $$code

conformance: ## every rule of the cache's RFCs over real sockets; prints how many are kept of each section
	@table="$$(mktemp)"; $(GO) test -count 1 -timeout 5m -run '^TestConformance$$' ./cmd/heliograph -conformance "$$table" >"$$table.log" 2>&1; \
		code=$$?; if [ -s "$$table" ]; then cat "$$table"; else tail -n 40 "$$table.log"; fi; rm -f "$$table" "$$table.log"; exit $$code

bench: bench-go bench-hitratio bench-nginx ## Go benchmarks with allocations, the hit ratios, then the load run beside nginx

bench-go: ## Go benchmarks with allocations; BENCH=regexp chooses, BENCHTIME=1s bounds each
	$(GO) test -run '^$$' -bench '$(BENCH)' -skip BesideNginx -benchtime $(BENCHTIME) -benchmem ./...

bench-hitratio: ## what the store keeps, beside plain LRU and otter: traces of REQUESTS (1000000) requests, a minute or two
	$(GO) test -C cache/replay -count 1 -timeout 10m -run '^TestHitRatio$$' -requests $(REQUESTS)

bench-memory: ## what each of PAGES (1000000) stored pages takes beyond its key, header and body
	$(GO) test -C cache/memory -count 1 -timeout 10m -run '^TestBookkeepingIsSmall$$' -v -pages $(PAGES)

bench-nginx: ## CPU time per hit, edge beside nginx, under load for BENCH_SECONDS (40)
	@.ci/needs nginx wrk
	$(GO) test -run '^$$' -bench BesideNginx -benchtime 1x -timeout 10m ./cmd/heliograph

demo: ## a small newspaper, an edge and a reader, to break and mend
	$(GO) run ./cmd/heliograph demo

soak: ## one key hammered for SOAK (3m), then the tests of what runs at once COUNT (3) times in random order, with the race detector
	$(GO) test -race -count 1 -timeout 2h -run '^TestSoak$$' ./cache -soak $(SOAK) -v
	$(GO) test -race -count $(COUNT) -shuffle on -timeout 30m ./cache/... ./health/... ./proxy/... ./cmd/...

image-root: build ## lay out the image's files under dist/image
	rm -rf dist/image
	install -D -m 0755 bin/heliograph dist/image/root/usr/bin/heliograph
	install -D -m 0644 LICENSE dist/image/root/usr/share/doc/heliograph/LICENSE
	install -D -m 0644 /etc/ssl/certs/ca-certificates.crt dist/image/root/etc/ssl/certs/ca-certificates.crt
	install -d -m 0700 dist/image/state

docker: ## build the image heliograph:latest, where a Docker engine answers
	@if docker info >/dev/null 2>&1; then set -x; docker build --build-arg VERSION='$(VERSION)' -t heliograph:latest .; \
	else echo "skipped: no Docker engine answers here; 'make image-root' does all that the image's build does"; fi

clean: ## remove what was built
	rm -rf bin dist
