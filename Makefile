# The same lines on a laptop and in CI. `make` alone says what there is.

CARGO ?= cargo
# Everything is built for this machine by name: see .cargo/config.toml.
TARGET = $(or $(CARGO_TARGET_DIR),target)/$(shell rustc --print host-tuple)
# Whether the demo, and what is done with it, is the build of the tests or a release.
PROFILE ?= debug
ifeq ($(filter debug release,$(PROFILE)),)
$(error PROFILE is debug or release, not "$(PROFILE)")
endif
DEMO = $(TARGET)/$(PROFILE)/demo
# What the program is told, for example: make crowd ARGS="--shoppers 5000"
ARGS ?=
# Loads are written as the page is, and are no part of it.
BIOME = frontend/node_modules/.bin/biome
LOADS = --config-path=frontend k6

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help tools build release page browser test fmt lint audit sbom generate demo cluster crowd load pictures session bench many viewers rust node

help:
	@echo "make demo    everything on this machine: a sale, its shoppers, its books (ARGS=--help tells what can be varied;"
	@echo "             with PROFILE=release here and below it is as fast as it is in production, once it is built: 15 minutes)"
	@echo "make cluster the chart on a real Kubernetes node, in namespaces of its own, with images built here (Linux, root)"
	@echo "make crowd   20,000 shoppers for the running demo or cluster, and a page with pictures of it (ARGS=--help tells what can be varied)"
	@echo "make load    the loads of k6, with thresholds on the books; SCENARIO=drop runs one (SALE=id URL=https://… to run it elsewhere)"
	@echo "make pictures  draw the main panels as the running demo's Prometheus saw the last minutes, into docs/pictures"
	@echo "make session a session of the running demo, for curl (CUSTOMER=alice)"
	@echo "make browser the page's tests in Chromium, on the running demo (ARGS=receipt runs one file)"
	@echo "make bench   durable claims per second next to a Postgres row, in release (minutes)"
	@echo "make many    a thousand sales, and how many replicated ones three NATS nodes carry, in release (20 minutes)"
	@echo "make viewers a crowd without and with 2,000 open event streams, in release (minutes)"
	@echo "make test    everything CI checks: format, lints, build, every test against real servers"
	@echo "make tools   install the servers that tests and the demo start (minutes the first time)"
	@echo "make build   build every binary and every test once"
	@echo "make release build the three services as they are shipped, with the commit in --version"
	@echo "make page    build the page that shoppers use, into frontend/dist"
	@echo "make lint    check format and lints"
	@echo "make fmt     write the format"
	@echo "make audit   check licences, sources and known vulnerabilities of what Sluice is made of (needs the network)"
	@echo "make sbom    list what each program and the page are made of, as CycloneDX, into target/sbom"
	@echo "make generate  write what is made from the code: the resource definition, the operator's rules, the API document, the flags, the values"

rust:
	@command -v $(CARGO) >/dev/null || { echo "Rust is not installed: get it from https://rustup.rs; rust-toolchain.toml names the version" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "no C compiler, which one dependency (aws-lc) needs: apt-get install build-essential cmake" >&2; exit 1; }

node:
	@command -v npm >/dev/null || { echo "Node is not installed: get 20 or later, with npm, from https://nodejs.org" >&2; exit 1; }

tools:
	tools/install

# The stamp is read by the compiler, so only a release names its commit and nothing is built anew because of one.
release: rust
	SLUICE_COMMIT=$$(git describe --always --dirty --exclude='*' --abbrev=12) \
	SLUICE_COMMIT_DATE=$$(git show --no-patch --format=%cs HEAD) \
	$(CARGO) build --locked --release --package operator --package edge --package ledger --bins

# Tests and binaries in one go: built apart, they would differ in the features of what they share and be built twice.
build: rust
	$(CARGO) build --workspace --bins --tests --examples

# What the lock file says and no script of any package. npm writes the file that this is named after last.
frontend/node_modules/.package-lock.json: frontend/package-lock.json | node
	npm --prefix frontend ci --ignore-scripts --no-audit --no-fund --loglevel=error

page: frontend/node_modules/.package-lock.json
	npm --prefix frontend run --silent build

fmt: rust frontend/node_modules/.package-lock.json
	$(CARGO) fmt --all
	npm --prefix frontend run --silent fmt
	$(BIOME) check --write $(LOADS)

lint: rust frontend/node_modules/.package-lock.json
	$(CARGO) fmt --all --check
	tools/install helm
	$$(tools/install --which helm) lint --quiet --strict --namespace sluice --values charts/sluice/values-minimal.yaml charts/sluice
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	npm --prefix frontend run --silent check
	$(BIOME) ci --error-on-warnings $(LOADS)

# Not a part of lint: it installs a program the first time (minutes), and its answer changes while the code does not.
audit: rust node
	tools/audit

sbom: rust frontend/node_modules/.package-lock.json
	tools/audit --sbom target/sbom

# What is made from the code and committed; a test fails when a copy is stale.
generate: rust frontend/node_modules/.package-lock.json
	$(CARGO) build --workspace --bins
	$(TARGET)/debug/sluice-operator crd > charts/sluice/files/flashsale.yaml
	$(TARGET)/debug/sluice-operator rbac --rules > charts/sluice/files/operator-rules.yaml
	$(TARGET)/debug/sluice-edge openapi > frontend/openapi.json
	$(TARGET)/debug/flags > docs/flags.md
	$(TARGET)/debug/values < charts/sluice/values.yaml > docs/values.md
	npm --prefix frontend run --silent generate

# A failing test says what is wrong; the frames of the runtime above it bury that. `make test RUST_BACKTRACE=1` shows them.
test: export RUST_BACKTRACE = 0
test: tools lint build page
	npm --prefix frontend run --silent test
	$(CARGO) test --workspace --no-fail-fast

# The demo starts the binaries that lie beside it, and `cargo run -p` would choose other features than the build.
demo: rust tools page
	$(CARGO) build --workspace --bins $(if $(filter release,$(PROFILE)),--release)
	$(DEMO) up $(ARGS)

# The programs without what only a debugger reads.
cluster: rust tools page
	$(CARGO) build --workspace --bins $(if $(filter release,$(PROFILE)),--release)
	$(DEMO) cluster

crowd:
	@$(DEMO) crowd --report $(or $(CARGO_TARGET_DIR),target)/crowd.html $(ARGS)

load:
	@test -x $(DEMO) || { echo "what runs the loads is not built: run make build, or make demo PROFILE=$(PROFILE)" >&2; exit 1; }
	@$(DEMO) load $(SCENARIO) $(if $(URL),--url $(URL)) $(if $(SALE),--sale $(SALE)) $(ARGS)

pictures:
	@$(DEMO) pictures $(ARGS)

session:
	@$(DEMO) session $(or $(CUSTOMER),alice)

browser: frontend/node_modules/.package-lock.json
	SLUICE_STACK=$(abspath $(DEMO).json) npm --prefix frontend run --silent browser -- $(ARGS)

bench: rust tools
	$(CARGO) build --workspace --bins --release
	$(TARGET)/release/sessions
	$(TARGET)/release/bench $(ARGS)

many: rust tools
	$(CARGO) build --workspace --bins --release
	$(TARGET)/release/many single
	$(TARGET)/release/many single --open
	$(TARGET)/release/many replicated

viewers: rust tools
	$(CARGO) build --workspace --bins --release
	$(TARGET)/release/viewers $(ARGS)
