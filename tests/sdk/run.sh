#!/usr/bin/env bash
# The SDK test: the official Python SDKs of six providers talk to `inrush mock` as if it were theirs. Makes a Python environment
# (once) and runs check.py. Usage: tests/sdk/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/sdk"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

if [ ! -x "$inrush" ]; then
  echo "tests/sdk: there is no inrush at $inrush: build it with 'cargo build', or name another one as the argument" >&2
  exit 1
fi
mkdir -p "$work"
source "$here/../python_env.sh"
python_env "$work" "$here/requirements.txt" "the official SDKs"
exec timeout 180 "$work/venv/bin/python" "$here/check.py" "$inrush"
