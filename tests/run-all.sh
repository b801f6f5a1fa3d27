#!/usr/bin/env bash
# Installs what the tests need and runs them all: formatting, lints, Rust tests, documentation tests, the type
# declarations, every example against the mock, the real llama.cpp server, the official SDKs against the mock, and readers of request records. Usage: bash tests/run-all.sh [step ...]
#
# Needs Rust. Node with npm and Python with venv are installed by apt-get when this runs as root and they are absent.
# Everything is built once, in the dev profile: a release build (fat LTO) alone would take longer than all the tests.
# Steps go on after a failure, so that one run shows everything; the last line counts them.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} CARGO_TARGET_DIR=$target
mkdir -p "$target"

passed=0
failed=()

# Runs one step and counts it.
step() {
  local name=$1
  shift
  if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then
    return
  fi
  local started=$SECONDS
  printf '\n=== %s\n' "$name"
  if "$@"; then
    passed=$((passed + 1))
    printf -- '--- %s: ok (%d s)\n' "$name" $((SECONDS - started))
  else
    failed+=("$name")
    printf -- '--- %s: FAILED (%d s)\n' "$name" $((SECONDS - started))
  fi
}

# need COMMAND PACKAGES...: installs Debian packages for a command, or says what to install.
need() {
  local command=$1
  shift
  if command -v "$command" > /dev/null 2>&1; then
    return
  fi
  install_packages "$@" || {
    echo "run-all: '$command' is missing; install it first (Debian, Ubuntu: apt-get install $*)" >&2
    return 1
  }
}

apt_updated=
install_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null 2>&1; then
    return 1
  fi
  echo "run-all: installing $*" >&2
  if [ -z "$apt_updated" ]; then
    apt-get update -qq || return 1
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}

format() {
  cargo fmt --version > /dev/null 2>&1 || rustup component add rustfmt || return 1
  cargo fmt --check
}

lint() {
  cargo clippy --version > /dev/null 2>&1 || rustup component add clippy || return 1
  cargo clippy --locked --all-targets -- -D warnings
}

# Builds the tests and, with them, the binary that the examples and the real-server test use. Not `cargo build`: it would
# build tokio and all above it once more, because the tests' dependencies switch on further features.
build() {
  cargo test --locked --no-run && [ -x "$target/debug/inrush" ]
}

rust_tests() {
  need redis-server redis-server && need prometheus prometheus && need influxd influxdb && need chromium chromium || return 1
  if command -v cargo-nextest > /dev/null 2>&1; then
    cargo nextest run --locked --no-fail-fast
  else
    cargo test --locked --no-fail-fast --lib --bins --tests
  fi
}

doc_tests() {
  cargo test --locked --doc
}

types() {
  need node nodejs && need npm npm || return 1
  (cd js-api && npm ci --silent --no-fund --no-audit && npm test --silent)
}

# Runs one example with more flags; its exit code is in LOG/NAME.code.
run_example() {
  local log=$1 name=$2
  shift 2
  timeout --kill-after=5 90 "$target/debug/inrush" run --mock "$@" > "$log/$name.out" 2> "$log/$name.err" < /dev/null
  echo $? > "$log/$name.code"
}

# Every example runs against the embedded mock and must exit with 0 within a minute and a half. Three at a time: they mostly wait.
examples() {
  local log="$target/examples" example name code expected bad=0 good=0
  rm -rf "$log"
  mkdir -p "$log"
  export target
  export -f run_example
  # name, expected exit code, arguments
  {
    for example in examples/*.js examples/*.ts; do
      printf '%s 0 %s\n' "$(basename "$example")" "$example"
    done
    # Recorded answers instead of invented ones.
    echo 'replay-of-recorded 0 --mock-replay examples/recorded-chat.jsonl examples/replay.js'
    # The gate must also close: an impossible threshold is exit code 99.
    echo 'gate-closes 99 -e MAX_TTFT_MS=0.001 examples/thresholds-ci.js'
    echo 'two-servers 0 --mock=examples/mock/two-providers.yaml examples/failover-two-servers.js'
    echo 'limits-of-a-bucket 0 --mock-rpm 1200 --mock-limit-rule token-bucket:0.02 examples/rate-limit-probe.js'
    echo 'capacity-of-four 0 --mock-max-concurrency 4 examples/capacity.js'
  } > "$log/all"
  xargs -P 3 -L 1 bash -c 'name=$1; shift 2; run_example "$0" "$name" "$@"' "$log" < "$log/all"
  while read -r name expected _; do
    code=$(cat "$log/$name.code" 2> /dev/null || echo none)
    if [ "$code" = "$expected" ]; then
      good=$((good + 1))
      echo "ok      $name"
    else
      bad=$((bad + 1))
      echo "FAILED  $name: exit code $code, expected $expected; the end of its output ($log):"
      tail -n 30 "$log/$name.err" "$log/$name.out"
    fi
  done < "$log/all"
  echo "examples: $good passed, $bad failed"
  [ $bad = 0 ] && [ $good -gt 2 ]
}

# A Python that can make environments.
need_python() {
  need python3 python3 || return 1
  # Debian splits venv off: a python3 that cannot make one is not enough.
  if ! python3 -c 'import venv, ensurepip' > /dev/null 2>&1; then
    install_packages python3-venv || {
      echo "run-all: python3 has no venv; install it first (Debian, Ubuntu: apt-get install python3-venv)" >&2
      return 1
    }
  fi
}

real_server() {
  need_python && bash tests/real/run.sh "$target/debug/inrush"
}

# The mock as the official SDKs see it.
official_sdks() {
  need_python && need node nodejs && need npm npm && bash tests/sdk/run.sh "$target/debug/inrush"
}

# The same protocol as another implementation has it.
grpc_server() {
  need_python && bash tests/grpcio/run.sh "$target/debug/inrush"
}

# Records of requests as their readers see them.
request_records() {
  need_python && bash tests/records/run.sh "$target/debug/inrush"
}

steps=(format lint build rust-tests doc-tests types examples real-server grpc-server official-sdks request-records)
wanted=("$@")
for name in "${wanted[@]}"; do
  if [[ " ${steps[*]} " != *" $name "* ]]; then
    echo "run-all: unknown step '$name'; known: ${steps[*]}" >&2
    exit 1
  fi
done
if ! command -v cargo > /dev/null 2>&1; then
  echo "run-all: 'cargo' is missing; install Rust from https://rustup.rs first" >&2
  exit 1
fi
# cc for the crates with C inside (aws-lc, zstd).
need cc build-essential || exit 1

for name in "${steps[@]}"; do
  step "$name" "${name//-/_}"
done

printf '\nsteps: %d passed, %d failed%s\n' "$passed" "${#failed[@]}" "${failed[*]:+ (${failed[*]})}"
[ ${#failed[@]} = 0 ] && [ "$passed" -gt 0 ]
