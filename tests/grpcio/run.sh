#!/usr/bin/env bash
# The gRPC test: makes a Python environment (once), starts grpcio's server without and with compression, and runs greeter.js
# against each; the script checks itself. Usage: tests/grpcio/run.sh [path of the inrush binary]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="${CARGO_TARGET_DIR:-$root/target}/grpcio"
inrush=${1:-"${CARGO_TARGET_DIR:-$root/target}/debug/inrush"}

source "$here/../python_env.sh"
need_inrush "$inrush" grpcio
mkdir -p "$work/stubs"
python_env "$work" "$here/requirements.txt" "grpcio"
protos="$root/tests/scripts/protos"
(cd "$protos" && "$work/venv/bin/python" -m grpc_tools.protoc -I. --python_out="$work/stubs" \
  --grpc_python_out="$work/stubs" --include_imports --descriptor_set_out="$work/greeter.protoset" \
  greeter.proto messages/hello.proto)

for compression in plain gzip; do
  : > "$work/port"
  PYTHONPATH="$work/stubs" timeout 120 "$work/venv/bin/python" "$here/server.py" $compression > "$work/port" &
  server=$!
  trap 'kill $server 2> /dev/null || true' EXIT
  for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    sleep 0.1
  done
  port=$(head -n 1 "$work/port")
  [ -n "$port" ] || { echo "tests/grpcio: the server did not start" >&2; exit 1; }
  timeout 90 "$inrush" run --quiet -e ADDR="127.0.0.1:$port" -e PROTOSET="$work/greeter.protoset" "$here/greeter.js"
  kill $server
  wait $server 2> /dev/null || true
  echo "tests/grpcio: $compression messages: ok"
done
