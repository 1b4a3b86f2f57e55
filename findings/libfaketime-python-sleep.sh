#!/usr/bin/env bash
# Under libfaketime with FAKETIME_DONT_FAKE_MONOTONIC=1, Python's time.sleep() raises "OSError: Invalid argument". One would
# have guessed: it sleeps, because the monotonic clock is not faked. asyncio.sleep() works. Needs Debian 12 and its Python 3.11.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libfaketime=0.9.10-2.1
dpkg -x libfaketime_*.deb .
library=$(find . -name libfaketimeMT.so.1)
export FAKETIME=+0 FAKETIME_DONT_FAKE_MONOTONIC=1
run() { LD_PRELOAD="$PWD/$library" /usr/bin/python3 -c "$1" 2>&1 | tail -1 || true; }
echo "libfaketime 0.9.10-2.1, $(/usr/bin/python3 --version)"
sleeping=$(run 'import time; time.sleep(0.1); print("slept")')
in_loop=$(run 'import asyncio; asyncio.run(asyncio.sleep(0.1)); print("slept")')
echo "time.sleep(0.1): $sleeping"
echo "asyncio.sleep(0.1): $in_loop"
case "$sleeping,$in_loop" in
  "OSError: [Errno 22] Invalid argument,slept") ;;
  *) echo "the behaviour has changed"; exit 1 ;;
esac
