# Everything a newcomer types. Only a Rust toolchain, gcc, make and a CPython from 3.11 on are needed.

CARGO ?= cargo
ET := target/release/et-coord
GARAGE := target/garage/bin/garage

.PHONY: build demo test redis readers hypothesis test-torch test-garage test-leak test-memory test-debug-python lint bench-tracer bench-throughput bench-queue bench-reports bench-overhead bench-telemetry bench-yield bench-render soak clean

build: ## release binaries in target/release/, the tracer beside them
	$(CARGO) build --workspace --release

demo: build ## traces the programs in tests/programs, hostile ones included, and shows one trace
	rm -rf target/demo
	$(ET) run tests/programs tests/programs/cases.jsonl --output target/demo --timeout 2s --memory 256MiB --shard-sources 8
	$(ET) verify target/demo --against tests/programs tests/programs/cases.jsonl
	$(ET) inspect target/demo ordinary/gcd.py

test: redis readers ## all tests, against every CPython from 3.11 to 3.13 that is found
	$(CARGO) build --workspace --all-targets
	$(CARGO) test --workspace

readers: ## a Python with the tools that people read datasets with, for their tests
	$(call python_with,readers,requirements)

hypothesis: ## a Python with Hypothesis, which `make bench-yield` compares with
	$(call python_with,hypothesis,requirements-hypothesis)

test-torch: ## the tests of readers with PyTorch too, which is some gigabytes to download
	$(call python_with,readers-torch,requirements-torch)
	$(CARGO) build --workspace --all-targets
	$(CARGO) test --workspace --test readers

# Sets up an environment unless it is there. Without a network there is none, and the tests that need it say so.
python_with = test target/$(1)/ready -nt tests/readers/$(2).txt \
	|| tests/readers/setup.sh target/$(1) tests/readers/$(2).txt \
	|| echo "the Python of target/$(1) cannot be set up: what needs it is left out"

test-memory: ## the tests of the tracer with an allocator that shows who reads freed memory
	$(CARGO) build --workspace
	PYTHONMALLOC=debug $(CARGO) test --workspace --test tracer_suite --test tracer_equality

# A debug build does not survive `itertools.count(sys.maxsize)`, where an assertion of its own is wrong. One of the
# solved problems takes the reference more than its two minutes there.
test-debug-python: ## the tests of the tracer in a debug build of CPython, whose assertions must hold: PYTHON=python3.11d
	@$(PYTHON) -c 'import sys; sys.gettotalrefcount()' || { echo "PYTHON must name a debug build of CPython"; exit 1; }
	$(CARGO) build --workspace
	ET_PYTHONS=$$(command -v $(PYTHON)) $(CARGO) test --workspace --test tracer_suite --test tracer_equality -- \
		--skip a_count_goes_on_beyond_what_a_word_holds --skip solved_problems_agree

test-leak: ## the memory of an interpreter over 10,000 programs, which takes minutes
	$(CARGO) test --workspace --test execute -- --ignored --nocapture a_zygote_stays

test-garage: $(GARAGE) ## the tests of S3 against a production server, which takes 20 minutes to build
	tests/garage.sh $(GARAGE)

$(GARAGE):
	$(CARGO) install garage --version 2.5.0 --locked --no-default-features --features bundled-libs,lmdb \
		--root target/garage --target-dir target/garage/build

redis: ## a real Redis for the tests; without one, those that need it say so and are left out
	@command -v redis-server > /dev/null \
	|| { [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y --no-install-recommends redis-server; } \
	|| echo "there is no redis-server: install it to run the tests of a fleet's queue too"

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings

bench-tracer: build ## the native tracer against others, and against what CPython charges for an event
	target/release/bench-tracer

bench-throughput: build ## confined and stored executions against a bare subprocess loop
	target/release/bench-throughput

bench-queue: build ## reports per second through Redis, its memory for each shard, a job of 100 million sources
	target/release/bench-queue

bench-reports: build ## reports per second of a whole coordinator over gRPC and Redis
	target/release/bench-reports

bench-overhead: build ## the share of processor time that is neither a program nor its tracing
	target/release/bench-overhead

bench-telemetry: build ## a span and a count, collected and not, against the smallest execution
	target/release/bench-telemetry

bench-yield: build hypothesis ## what searching the functions of packages gives, against chance and Hypothesis; ET_CORPORA names their folder
	target/release/bench-yield --hypothesis

bench-render: build ## bytes of a stored event, and text per second of each style
	target/release/bench-render

soak: build ## 20,000 sources while workers are killed at random: nothing lost, memory does not grow
	target/release/soak

clean:
	$(CARGO) clean
