# Mulligan's tasks. `run` and `build` need Go, git and make; `test` also Node 20+, Python 3.11+, a C compiler, which
# Go's race detector needs, and Debian 12 as root or with sudo, for the databases that it installs.

GO ?= go
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: run demo-traffic build test fuzz clients servers check lint bench bench-load docs cross

# The example gateway. It prints a curl line when it listens.
run: build
	@sh cmd/caddy/example.sh

# A few hundred requests and feedback to the gateway that `make run` started. It prints how to ask what became of them.
demo-traffic:
	@$(GO) run ./cmd/demotraffic

# Caddy with Mulligan in it, as bin/caddy.
build:
	$(GO) build -o bin/ ./cmd/caddy

# How long the tests of one package may take: those of integration/ some minutes on a machine that is quiet.
TESTTIME ?= 90m

# Every test, under the race detector; those that count allocations once more without it, which allocates itself.
test: clients servers
	@cc=$$($(GO) env CC); command -v "$${cc%% *}" >/dev/null || \
		{ echo "make test: Go's race detector needs a C compiler, and $$cc is missing" >&2; exit 1; }
	$(GO) vet ./...
	$(GO) test -race -timeout $(TESTTIME) ./...
	$(GO) test -timeout $(TESTTIME) -run Alloc ./bench ./rules ./record/sqlite
	@$(MAKE) --no-print-directory fuzz

# A short run of the fuzz targets that read bytes from outside on the path of every request. FUZZTIME=10m makes it long.
# It is a number of inputs and not a time: at the end of its time, go test may call its own deadline a failure.
FUZZTIME ?= 5000x
FUZZ = upstream:FuzzEvents upstream/dialect/failure:FuzzRead upstream/dialect/failure:FuzzWait rewrite:FuzzApply record:FuzzSpillLines record/redact:FuzzText
fuzz:
	@set -e; for f in $(FUZZ); do \
		echo "fuzzing $$f for $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$${f#*:}$$" -fuzztime $(FUZZTIME) -parallel 4 ./$${f%:*}; \
	done

# The clients that integration/ runs: Node, Python and Codex.
clients:
	@integration/clients/install.sh

# The database servers that record/ is tested on.
servers:
	@internal/dbserver/install.sh

check: test lint

lint:
	$(GO) run $(GOLANGCI_LINT) run

# What Mulligan costs beside Caddy's own reverse_proxy.
bench:
	$(GO) run ./bench

# The same under load, with every gateway in a process of its own: see bench/load. LOAD holds flags, such as
# LOAD='-rounds 9 -scenarios small'; NGINX, PORTKEY (its start-server.js), LITELLM and GOMODEL hold paths of others to measure, too.
bench-load:
	$(GO) run ./bench/load $(LOAD)

# The pages of docs/ that come from tables: those in the code, and the failover matrix.
docs:
	$(GO) run ./docs
	$(GO) test ./integration -run '^TestFailoverPage$$' -update

# Whether it builds without cgo on all platforms that it is for.
cross:
	@set -e; for p in $(PLATFORMS); do \
		echo "building for $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o bin/cross/ ./cmd/caddy; \
	done
