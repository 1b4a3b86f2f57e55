#!/usr/bin/env bash
# DuckDB reads numbers of a JSON Lines column as NULL, without an error, if the column is null in the first 20,480 rows.
# One would have guessed: the numbers, or an error, as Polars gives for the same file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.1 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb
import polars

with open("w.jsonl", "w") as file:  # a station that reports its visibility only from row 30,001 on
    file.write('{"v": null}\n' * 30_000 + '{"v": 24140.5}\n')

print("duckdb", duckdb.__version__, "polars", polars.__version__)
guessed = duckdb.sql("SELECT count(v) FROM 'w.jsonl'").fetchall()[0][0]
whole = duckdb.sql("SELECT count(v), any_value(v) FROM read_json('w.jsonl', sample_size = -1)").fetchall()[0]
print(f"DuckDB, default: {guessed} values that are not NULL; with sample_size = -1: {whole[0]} ({whole[1]})")
try:
    found = polars.read_ndjson("w.jsonl")["v"].count()
    print(f"Polars: {found} values that are not null")
except Exception as error:
    print(f"Polars: {type(error).__name__}: {str(error).splitlines()[0]}")
raise SystemExit(0 if (guessed, whole) == (0, (1, 24140.5)) else "the behaviour has changed")
PYTHON
