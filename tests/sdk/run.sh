#!/usr/bin/env bash
# The SDK test: the official Python SDKs of seven providers and the Node SDKs of two talk to `inrush mock` as if it were theirs. Installs
# them (once) and runs check.py and check.mjs. Usage: tests/sdk/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/sdk"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

source "$here/../python_env.sh"
need_inrush "$inrush" sdk
mkdir -p "$work"
python_env "$work" "$here/requirements.txt" "the official SDKs"
# The Node SDKs beside them, anew when their versions change.
if ! cmp -s "$here/package.json" "$work/node/package.json" || [ ! -e "$work/node/.installed" ]; then
  echo "tests: installing the official Node SDKs into $work/node" >&2
  rm -rf "$work/node"
  mkdir -p "$work/node"
  cp "$here/package.json" "$work/node/"
  (cd "$work/node" && timeout 600 npm install --silent --no-fund --no-audit --no-package-lock && touch .installed)
fi
cp "$here/check.mjs" "$work/node/"

"$inrush" mock --config "$here/servers.yaml" --for 400s > "$work/servers" 2> /dev/null &
mock=$!
trap 'kill $mock 2> /dev/null || true' EXIT
for _ in $(seq 100); do
  [ "$(wc -l < "$work/servers")" -ge 3 ] && break
  sleep 0.1
done
failed=0
timeout 180 "$work/venv/bin/python" "$here/check.py" "$work/servers" || failed=1
timeout 120 node "$work/node/check.mjs" "$work/servers" || failed=1
exit $failed
