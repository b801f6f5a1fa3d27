#!/usr/bin/env bash
# The test of request records: makes a Python environment (once), runs calls.js against the mock with records in all three formats, and has
# them read by DuckDB and PyArrow. Usage: tests/records/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/records"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

source "$here/../python_env.sh"
need_inrush "$inrush" records
mkdir -p "$work"
python_env "$work" "$here/requirements.txt" "DuckDB and PyArrow"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
timeout 60 "$inrush" run --quiet --mock --mock-ttft 20ms --mock-itl 2ms --mock-fault 0s:60s=500@0.2 --seed 7 \
  -o "requests=$out/calls.parquet" -o "requests=$out/calls.csv" -o "requests=$out/calls.jsonl" \
  --summary-json "$out/summary.json" "$here/calls.js" > "$out/summary.txt" 2> "$out/log.txt" || { cat "$out/log.txt" >&2; exit 1; }
timeout 60 "$work/venv/bin/python" "$here/check.py" "$out"
