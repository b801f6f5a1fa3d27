"""Reads the records of a run as people do, with DuckDB and PyArrow, and holds them against the run's summary.

Usage: check.py FOLDER with calls.parquet, calls.csv, calls.jsonl and summary.json of one run of calls.js.
"""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

folder = Path(sys.argv[1])
summary = json.loads((folder / "summary.json").read_text())
metrics = {metric["name"]: metric for metric in summary["metrics"]}
problems = []


def same(what, found, wanted, within=0.0):
    """Notes a figure that is not the wanted one."""
    if found is None or (abs(found - wanted) > within if isinstance(wanted, float) else found != wanted):
        problems.append(f"{what}: {found!r}, not {wanted!r}")


def one(query):
    """The first row of an answer."""
    return duckdb.sql(query).fetchall()[0]


calls = metrics["ai_requests"]["values"]["count"]
requests = metrics["http_reqs"]["values"]["count"]
failed = metrics["ai_req_failed"]["values"]["passes"]
ttft = metrics["ai_ttft{expected_response:true}"]["values"]["med"]
tokens = metrics["ai_output_tokens"]["values"]["count"]
cost = metrics["ai_cost"]["values"]["count"]
assert calls == 60 and requests >= 20 and failed > 0, (calls, requests, failed)

# The same questions of each format; types are what the reader makes of the file by itself.
note = 'a;b "c"\n, ü'
for name in ["calls.parquet", "calls.csv", "calls.jsonl"]:
    table = f"'{folder / name}'"
    same(f"{name}: model calls", one(f"select count(*) from {table} where kind = 'model'")[0], calls)
    same(f"{name}: HTTP requests", one(f"select count(*) from {table} where kind = 'http'")[0], requests)
    same(f"{name}: failed calls", one(f"select count(*) from {table} where kind = 'model' and outcome <> 'ok'")[0], failed)
    median = one(f"select quantile_cont(ttft_ms, 0.5) from {table} where outcome = 'ok'")[0]
    same(f"{name}: median TTFT", median, float(ttft), within=0.01)
    same(f"{name}: output tokens", int(one(f"select sum(output_tokens) from {table}")[0]), int(tokens))
    same(f"{name}: cost", float(one(f"select sum(cost_usd) from {table}")[0]), float(cost), within=1e-9)
    kinds = duckdb.sql(f"select request_type, count(*) from {table} where kind = 'model' group by 1 order by 1").fetchall()
    same(f"{name}: request types", kinds, [("bulk", 20), ("chat", 40)])
    late = one(f"select count(*) from {table} where kind = 'model' and \"end\"::timestamptz < start::timestamptz")[0]
    same(f"{name}: ends before their starts", late, 0)
    notes = duckdb.sql(f"select distinct (tags::json)->>'note' from {table} where request_type = 'chat'").fetchall()
    same(f"{name}: a tag with separators, quotes and a line break", notes, [(note,)])

# PyArrow: the types of the columns, and lists that belong together.
table = pq.read_table(folder / "calls.parquet")
for column, wanted in {"start": pa.timestamp("ns", "UTC"), "ttft_ms": pa.float64(), "output_tokens": pa.int64(), "stream": pa.bool_()}.items():
    same(f"type of {column}", str(table.schema.field(column).type), str(wanted))
for row in table.drop_columns(["start", "end"]).to_pylist():
    times, counts = row["arrivals_ms"], row["arrivals_tokens"]
    if row["request_type"] == "chat" and row["outcome"] == "ok":
        if not times or len(times) != len(counts) or times != sorted(times) or round(sum(counts)) != row["output_tokens"]:
            problems.append(f"arrivals: {row}")
        elif abs(times[0] - row["ttft_ms"]) > 0.01:
            problems.append(f"the first arrival is not TTFT: {times[0]} {row['ttft_ms']}")

for problem in problems:
    print(f"tests/records: {problem}", file=sys.stderr)
if not problems:
    print(f"tests/records: {calls} calls and {requests} requests read by DuckDB {duckdb.__version__} and PyArrow {pa.__version__}: ok")
sys.exit(1 if problems else 0)
