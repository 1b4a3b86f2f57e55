#!/usr/bin/env bash
# Python's sqlite3: execute("PRAGMA incremental_vacuum(1000)") frees one page. One would have guessed: up to 1,000, as the
# shell of SQLite, and executescript(), do. The pragma frees a page with each step; execute() takes one step and resets a
# statement without columns, so that fetchall() cannot go on with it. No package is installed: it is part of Python.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
timeout 60 python3 - <<'PYTHON'
import platform
import sqlite3

LIMIT = 1000
STATEMENT = f"PRAGMA incremental_vacuum({LIMIT})"

db = sqlite3.connect("t.sqlite", isolation_level=None)
db.execute("PRAGMA auto_vacuum = INCREMENTAL")
db.execute("CREATE TABLE t (x)")
with db:
    db.execute("BEGIN")
    db.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 5000)
db.execute("DELETE FROM t")


def count_freed(run):
    """Return the number of pages that a call returns to the file system."""
    [before] = db.execute("PRAGMA freelist_count").fetchone()
    run()
    [after] = db.execute("PRAGMA freelist_count").fetchone()
    return before - after


by_execute = count_freed(lambda: db.execute(STATEMENT).fetchall())
by_script = count_freed(lambda: db.executescript(STATEMENT))
print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; pages freed by {STATEMENT}:")
print(f"execute(...).fetchall(): {by_execute}; executescript(...): {by_script}")
raise SystemExit(0 if (by_execute, by_script) == (1, LIMIT) else "the behaviour has changed")
PYTHON
