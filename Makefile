# Every target sets itself up: virtual environments in this folder, nothing global. Needs Python >= 3.11 and make.

VERSIONS := $(shell scripts/pythons | cut -d ' ' -f 1)
ifeq ($(VERSIONS),)
$(error weatherd needs Python 3.11 or newer with its venv module (on Debian: apt install python3-venv))
endif
OLDEST := $(firstword $(VERSIONS))
NEWEST := $(lastword $(VERSIONS))
DEV := .venv-$(OLDEST)
INSTALL := -m pip install --quiet --quiet --no-compile --disable-pip-version-check --constraint requirements.txt --editable

# The folders of the tests are in memory on Linux, because on a disk they wait for thousands of fsyncs. A container may
# have only 64 MB of it, so that those of passed tests are removed
IN_MEMORY := $(if $(wildcard /dev/shm),PYTEST_DEBUG_TEMPROOT=/dev/shm)

# Programs that write no bytecode compile all modules again at every start, and the tests start some 200
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-newest month crash soak soak-real nodes system check check-aiohttp format bench bench-quick pictures clean
.PRECIOUS: .venv-%/installed

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

run: .venv/installed ## run the daemon with simulated weather
	@.venv/bin/weatherd run --demo

test: test-$(OLDEST) ## run all tests on the oldest installed Python

test-newest: ## run all tests but those that no version of Python changes on the newest installed Python
	@$(if $(filter $(OLDEST),$(NEWEST)),echo "Python $(OLDEST) is the only one installed",$(MAKE) --no-print-directory test-$(NEWEST))

test-%: .venv-%/installed
	$(IN_MEMORY) .venv-$*/bin/python -m pytest --quiet -o tmp_path_retention_policy=failed --numprocesses 6 --dist load --maxschedchunk 1 $(if $(filter $*,$(OLDEST)),,-m 'not once') $(PYTEST)

month: $(DEV)/installed ## simulate a month of 320 cities, and one of alerts, with outages and restarts; takes minutes
	WEATHERD_VIRTUAL_DAYS=31 $(DEV)/bin/python -m pytest --quiet --capture=no tests/end_to_end/test_virtual_month.py tests/end_to_end/test_alert_month.py

crash: $(DEV)/installed ## kill the running daemon at random KILLS times (1000), with forwarders; needs scripts/servers
	WEATHERD_KILLS=$(or $(KILLS),1000) $(DEV)/bin/python -m pytest --quiet tests/crash

soak: $(DEV)/installed ## simulate a year (or DAYS) of 100 cities with faults, reloads and restarts, and the record of a year; takes minutes
	WEATHERD_VIRTUAL_YEAR=$(or $(DAYS),365) $(DEV)/bin/python -m pytest --quiet --capture=no tests/end_to_end/test_virtual_year.py tests/end_to_end/test_virtual_backfill.py tests/end_to_end/test_virtual_record.py

soak-real: $(DEV)/installed ## run 1,000 cities with faults in real time, for an hour (or MINUTES); prints the slope of memory
	@$(DEV)/bin/python scripts/soak-real $(or $(MINUTES),60)

nodes: $(DEV)/installed ## test nodes of a cluster in real time, and DAYS (2) of their plan in virtual time; takes minutes; needs scripts/servers
	WEATHERD_NODES=1 WEATHERD_VIRTUAL_DAYS=$(or $(DAYS),2) $(DEV)/bin/python -m pytest --quiet --numprocesses 3 --maxschedchunk 1 tests/cluster

system: $(DEV)/installed ## test the systemd service and the container image; see tests/system/README.md
	$(DEV)/bin/python -m pytest --quiet tests/system

check: $(DEV)/installed ## check format, lint, types, import contract, names, Kubernetes manifests, newest aiohttp
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/ruff check .
	$(DEV)/bin/flake8 weatherd tests benchmarks
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-cache
	$(DEV)/bin/python scripts/names
	scripts/check-kubernetes $(DEV)
	scripts/check-aiohttp $(DEV)

check-aiohttp: $(DEV)/installed ## test the HTTP client with the newest aiohttp, including pre-releases
	scripts/check-aiohttp $(DEV)

format: $(DEV)/installed ## format the code
	$(DEV)/bin/ruff format .
	$(DEV)/bin/ruff check --fix .

bench: $(DEV)/installed ## measure this build, BASE (a checkout or commit) and other software; see docs/performance.md
	@scripts/servers wrk:/usr/bin/wrk prometheus:/usr/bin/prometheus collectd-core:/usr/sbin/collectd \
	  libyajl2:/usr/lib/*/libyajl.so.2 libcurl3-gnutls:/usr/lib/*/libcurl-gnutls.so.4
	@$(DEV)/bin/python $(INSTALL) '.[bench]'
	$(DEV)/bin/python -m benchmarks $(or $(MODE),full) $(BASE)

bench-quick: ## run each benchmark once, in two minutes
	@$(MAKE) --no-print-directory bench MODE=quick

pictures: $(DEV)/installed ## take pictures of the web page into docs/page; needs Chromium (scripts/servers)
	$(DEV)/bin/python scripts/pictures

clean: ## remove the files that the other targets created
	rm -rf .venv .venv-* .hypothesis .*_cache build dist

.venv/installed: pyproject.toml requirements.txt
	@echo "once: creating a virtual environment for Python $(NEWEST) in .venv" >&2
	@$$(scripts/pythons $(NEWEST)) -m venv .venv
	@echo "once: installing weatherd and its libraries there, which takes about 20 seconds" >&2
	@.venv/bin/python $(INSTALL) .
	@touch $@

.venv-%/installed: pyproject.toml requirements.txt
	@echo "once: creating a virtual environment for Python $* in .venv-$*" >&2
	@$$(scripts/pythons $*) -m venv .venv-$*
	@echo "once: installing weatherd, its libraries and those of the tests there, which takes about a minute" >&2
	@.venv-$*/bin/python $(INSTALL) '.[dev]'
	@touch $@
