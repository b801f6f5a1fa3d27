#!/usr/bin/env bash
# The real-server test: makes a Python environment (once), then runs check.py, which starts llama.cpp's server and
# compares inrush's figures with the server's. Usage: tests/real/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/real"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

if [ ! -x "$inrush" ]; then
  echo "tests/real: there is no inrush at $inrush: build it with 'cargo build', or name another one as the argument" >&2
  exit 1
fi
mkdir -p "$work"
# A stamp of the requirements: a changed pin makes a new environment, an interrupted installation is repeated.
stamp="$work/venv/.installed"
if ! cmp -s "$here/requirements.txt" "$stamp"; then
  echo "tests/real: installing llama.cpp's server and the model tools into $work/venv" >&2
  rm -rf "$work/venv"
  if ! python3 -m venv "$work/venv" >&2; then
    echo "tests/real: python3 cannot make a virtual environment; install it (Debian, Ubuntu: apt-get install python3-venv)" >&2
    exit 1
  fi
  timeout 600 "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$stamp"
fi
exec timeout 420 "$work/venv/bin/python" "$here/check.py" --inrush "$inrush" --work "$work"
