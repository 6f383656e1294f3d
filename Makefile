# make demo    a daemon, a mail server of its own, and the mails as a reader sees them
# make test    linters, types, arrows, and every test that needs nothing but this directory
# make e2e     against a real Postfix, and Dovecot for passwords (Debian's packages; private instances)
# make crash   more of what `make test` does a little of: kill -9 while events flow
# make bench   speed and size, beside Postfix's and SQLite's in the same run (QUICK=1: only a look)
# make setup   .venv, and what it needs from the system; the others do it by themselves
# make clean   what the above left behind

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint unit e2e crash bench clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@.ci/setup

demo: setup
	@.venv/bin/python -m tests.support.demo

test: lint unit

lint: setup
	.venv/bin/ruff check -q
	.venv/bin/ruff format -q --check
	.venv/bin/mypy
	.venv/bin/lint-imports

unit: setup
	.venv/bin/pytest -n 2

e2e: setup
	@.ci/install-for-e2e
	.venv/bin/pytest -n 2 tests/e2e

crash: setup
	ZAIOND_CRASH_EVENTS=20000 ZAIOND_CRASH_KILLS=50 .venv/bin/pytest tests/crash

bench: setup
	@.ci/install-for-e2e
	.venv/bin/python -m tests.bench $(if $(QUICK),--quick) $(PARTS)

clean:
	rm -rf .venv build *.egg-info .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
