#!/usr/bin/env bash
# The real-server test: makes a Python environment (once), then runs check.py, which starts llama.cpp's server and
# compares inrush's figures with the server's. Usage: tests/real/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/real"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

source "$here/../python_env.sh"
need_inrush "$inrush" real
mkdir -p "$work"
python_env "$work" "$here/requirements.txt" "llama.cpp's server and the model tools"
exec timeout 420 "$work/venv/bin/python" "$here/check.py" --inrush "$inrush" --work "$work"
