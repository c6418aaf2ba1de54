# SPDX-License-Identifier: Apache-2.0
.POSIX:
SHELL = /bin/bash
PREFIX ?= /usr/local
PACKAGES = libsqlite3-dev libssl-dev zlib1g-dev sqlite3 curl openssl python3 faketime iproute2

.PHONY: help deps build test demo serve simulate torture fuzz openapi bench guards plots static install schema proto format clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'

deps: ## Install what is missing (Debian packages; the Swift toolchain must be there)
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  run=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$run apt-get update -q && $$run apt-get install -y -q --no-install-recommends $$missing; \
	fi
	@command -v swift >/dev/null || { echo "make: the Swift 6.3 toolchain is missing: see swift.org/install" >&2; exit 1; }

build: deps ## Build everything (debug)
	swift build

# One after another: many tests start servers and programs, and some fill every core by themselves.
test: deps ## Build and run every test
	swift build --build-tests
	swift test --skip-build --no-parallel

demo: build ## The main job on real data: two members, offline edits, one conflict settled
	bash Clients/Examples/demo.sh

serve: build ## A server with the demo's workspace, until Ctrl-C
	bash Clients/Examples/demo.sh --serve

SEEDS ?= 1-2000
simulate: deps ## Play SEEDS of the simulator, each twice; strike disks, lose replies, let files rot (release build)
	swift build -c release --scratch-path .build-release --product ting-sim
	.build-release/release/ting-sim run --seeds $(SEEDS)
	.build-release/release/ting-sim points --operations 120 --every 40
	.build-release/release/ting-sim retries --count 1000
	.build-release/release/ting-sim bitrot --flips 2000

# Kills, a cut every so many bytes, and each scenario with so many repeats; 2000, 1 and 1000 for the ledger.
KILLS ?= 100
CUTS ?= 397
RUNS ?= 2
torture: deps ## Kill, cut and starve the real programs (KILLS, CUTS, RUNS)
	swift build
	.build/debug/ting-torture --kills $(KILLS)
	.build/debug/ting-torture --cuts $(CUTS)
	.build/debug/ting-torture --scenario all --runs $(RUNS)

TARGET ?= exchange
MINUTES ?= 1
fuzz: deps ## Throw hostile bytes at TARGET (Sources/TingFuzzing) for MINUTES, by libFuzzer
	TING_FUZZ=1 swift build --scratch-path .build-fuzz --product ting-fuzz \
	  -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld
	mkdir -p .build-fuzz/corpus/$(TARGET)
	folder=$$(mktemp -d -p /dev/shm) && trap 'rm -rf "$$folder"' EXIT && \
	TMPDIR=$$folder TING_FUZZ_TARGET=$(TARGET) SWIFT_BACKTRACE=enable=no \
	  .build-fuzz/debug/ting-fuzz -max_total_time=$$(($(MINUTES) * 60)) -timeout=20 -len_control=0 \
	  -max_len=4096 -artifact_prefix=.build-fuzz/ -print_final_stats=1 \
	  .build-fuzz/corpus/$(TARGET) Tests/FuzzTests/corpus/$(TARGET)

openapi: build ## Send what the OpenAPI document allows, and what it does not, to a server (EXAMPLES, SEED; schemathesis)
	dpkg -s python3-venv >/dev/null 2>&1 || $(MAKE) deps PACKAGES=python3-venv
	EXAMPLES=$(EXAMPLES) SEED=$(SEED) .ci/openapi

METRICS ?= all guards
bench: static ## Measure METRICS (P1 to P9, guards) against SQLite and TLS (static release build)
	swift build -c release --scratch-path .build-static --product ting-bench -Xswiftc -static-executable
	.build-static/release/ting-bench $(METRICS) --bin .build-static/bin

guards: deps ## Count pages and bytes of what must not grow; the same in every run (release build)
	swift build -c release --scratch-path .build-release --product ting-bench
	.build-release/release/ting-bench guards --counts --rows 5000

RECORDS ?= 1000000
WORKSPACES ?= 1000
plots: deps ## Measure costs from 1,000 to RECORDS and on WORKSPACES, and draw them (release build)
	for p in ting tingd ting-bench; do \
	  swift build -c release --scratch-path .build-release --product $$p || exit 1; \
	done
	.build-release/release/ting-bench plots --to Docs/performance --records $(RECORDS) \
	  --workspaces $(WORKSPACES)

# As they are installed: written in one go, so that the kernel keeps them in large pieces.
static: deps
	mkdir -p .build-static/bin
	for p in ting tingd; do \
	  swift build -c release --scratch-path .build-static --product $$p -Xswiftc -static-executable && \
	  strip --strip-debug -o .build-static/stripped .build-static/release/$$p && \
	  install -m 755 .build-static/stripped .build-static/bin/$$p || exit 1; \
	done
	rm .build-static/stripped

install: static ## Install ting and tingd under PREFIX (static release build)
	install -D -m 755 .build-static/bin/ting $(DESTDIR)$(PREFIX)/bin/ting
	install -D -m 755 .build-static/bin/tingd $(DESTDIR)$(PREFIX)/bin/tingd

schema: ## Embed Protocol/schema/planning.json after an edit of it
	python3 Protocol/schema/embed.py

proto: ## Generate Sources/TingWire/Generated from Protocol/proto (needs protobuf-compiler)
	swift build --product protoc-gen-swift
	protoc --plugin=protoc-gen-swift=.build/debug/protoc-gen-swift \
	  --swift_opt=Visibility=Package,UseAccessLevelOnImports=true \
	  --swift_out=Sources/TingWire/Generated -I Protocol/proto/ting/v1 Protocol/proto/ting/v1/ting.proto

format: ## Settle the layout
	swift format -i -r Package.swift Sources Clients Tests

clean: ## Remove what was built
	rm -rf .build .build-static .build-release .build-fuzz
