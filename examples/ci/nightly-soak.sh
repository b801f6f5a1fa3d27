#!/usr/bin/env bash
# A nightly soak, held against the last three good nights. Usage: nightly-soak.sh SCRIPT FOLDER [flags of inrush run ...]
# Keeps a file per good night in FOLDER; exits with the run's code, or 99 when something got worse than those nights.
set -euo pipefail
script=$1
folder=$2
shift 2
mkdir -p "$folder"

tonight=$(mktemp)
trap 'rm -f "$tonight"' EXIT
inrush run --strict --summary-json "$tonight" "$@" "$script"

sides=()
for night in $(ls -1 "$folder"/*.json 2> /dev/null | sort | tail -n 3); do
  sides+=(--base "$night")
done
if [ ${#sides[@]} -gt 0 ]; then
  inrush compare "${sides[@]}" --new "$tonight" --fail-on worse
fi
cp "$tonight" "$folder/$(date -u +%Y%m%dT%H%M%S.%NZ).json"
