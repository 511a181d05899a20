# A thin front for CMake:  make help
#
# JOBS, BUILD_TYPE, PREFIX and CMAKE_ARGS may be given, e.g.  make test CMAKE_ARGS=-DLOCUS_TRAIN=OFF

JOBS ?= $(shell nproc)
BUILD_TYPE ?= Release
PREFIX ?= /usr/local
CMAKE_ARGS ?=

# Warnings stop a build in CI, not on a newer compiler in a user's hands.
werror := $(if $(CI),ON,OFF)
configure = cmake -S . -G Ninja -DCMAKE_BUILD_TYPE=$(BUILD_TYPE) -DLOCUS_WERROR=$(werror)
# A machine set up for building alone lacks what the tests need.
tests := $(if $(shell pkg-config --exists gtest_main gmock libzip 2>/dev/null && echo yes),ON,OFF)
ctest = ctest --output-on-failure --no-tests=error -j $(JOBS)
supp := $(CURDIR)/scripts/sanitizers

.PHONY: help build test demo asan tsan bench format check-format tidy install setup clean

help:
	@echo 'make build         the command, at build/locus'
	@echo 'make demo          explain sample photographs: demo/report.html'
	@echo 'make test          build everything and run every test'
	@echo 'make asan, tsan    the tests under AddressSanitizer and UBSan, or ThreadSanitizer'
	@echo 'make bench         the benchmarks: tables on standard output'
	@echo 'make format        lay out the sources; check-format: say which are not'
	@echo 'make tidy          clang-tidy on our own sources'
	@echo 'make install       into PREFIX (default /usr/local)'
	@echo 'make clean         remove the build folders'

build:
	scripts/setup.sh build
	$(configure) -B build -DLOCUS_TESTS=$(tests) $(CMAKE_ARGS)
	cmake --build build -j $(JOBS) --target locus_cli

test: setup
	$(configure) -B build -DLOCUS_TESTS=ON $(CMAKE_ARGS)
	cmake --build build -j $(JOBS)
	$(ctest) --test-dir build

setup:
	scripts/setup.sh test train mpi

demo: build
	scripts/setup.sh photos
	scripts/demo.sh

# Compiled in half the time that -O2 -g takes. Without LibTorch and MPI, which are not instrumented, unless asked for; and warnings
# do not stop these builds, because sanitizers make g++ 12 warn of uninitialised values in its own <regex>.
sanitized = -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO='-O1 -g1' -DLOCUS_TESTS=ON
asan: setup
	$(configure) -B build-asan $(sanitized) -DLOCUS_SANITIZE=address \
	  -DLOCUS_WERROR=OFF -DLOCUS_TRAIN=OFF -DLOCUS_MPI=OFF $(CMAKE_ARGS)
	cmake --build build-asan -j $(JOBS)
	ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1 \
	LSAN_OPTIONS=suppressions=$(supp)/lsan.supp:print_suppressions=0 \
	UBSAN_OPTIONS=print_stacktrace=1 $(ctest) --test-dir build-asan

tsan: setup
	$(configure) -B build-tsan $(sanitized) -DLOCUS_SANITIZE=thread \
	  -DLOCUS_WERROR=OFF -DLOCUS_TRAIN=OFF -DLOCUS_MPI=OFF $(CMAKE_ARGS)
	cmake --build build-tsan -j $(JOBS)
	TSAN_OPTIONS=suppressions=$(supp)/tsan.supp:print_suppressions=0:second_deadlock_stack=1 \
	$(ctest) --test-dir build-tsan

bench: setup
	$(configure) -B build-bench -DLOCUS_BENCH=ON -DLOCUS_TESTS=OFF -DLOCUS_TRAIN=OFF $(CMAKE_ARGS)
	cmake --build build-bench -j $(JOBS)
	scripts/bench.sh build-bench

format check-format:
	scripts/format.sh $(if $(filter check-format,$@),--check)

# Works on what build/ was configured for.
tidy: build/compile_commands.json
	scripts/tidy.sh build

build/compile_commands.json:
	scripts/setup.sh test
	$(configure) -B build -DLOCUS_TESTS=ON $(CMAKE_ARGS)

install: build
	cmake --build build -j $(JOBS) --target programs
	cmake --install build --prefix $(PREFIX)

clean:
	rm -rf build build-asan build-tsan build-bench
