# make demo    a daemon, a mail server of its own, and the mails as a reader sees them
# make demo-web   such a daemon with its page to click through and an inbox to read, until Ctrl-C
# make test    linters, types, arrows, and every test that needs nothing but this directory (COVERAGE=1: which lines they run, too)
# make e2e     against real Postfix, Dovecot, Exim and others, systemd in a container, Chromium (Debian's packages)
# make crash   kill -9, power cuts, disks that fail, files harmed, clocks (KILLS=500 CUTS=5000 FAULTS=all FILES=all CLOCKS=all)
# make fleet   what of make e2e is of a fleet: members, hubs, the engine, docs/fleet.md, the page
# make fleet-chaos   a fleet: nodes, hubs, members and links killed and cut under load (EVENTS=20000 RATE=80)
# make fuzz    more of the hostile bytes of which `make test` tries a few (EACH=60 seconds for a kind)
# make soak    floods, kills, reloads, a moody server, a full disk, all at once (SECONDS=600)
# make bench   speed and size, beside Postfix's and SQLite's in the same run (QUICK=1: only a look)
# make screenshots   docs/page/*.png anew, by Chromium (Debian's packages)
# make sbom    build/zaiond.cdx.json: every library that an installation brings, as CycloneDX
# make setup   .venv, and what it needs from the system; the others do it by themselves
# make clean   what the above left behind
# make deb     dist/*.deb, for Debian 12 and 13 (ARCH=arm64: for that, on whatever machine)
# make dist    a wheel and an sdist, beside them
# make deb-test   installs, upgrades, downgrades and purges them on fresh machines of both (make e2e: of Debian 12)
# make install     as a service, for root: programs, units, users, man pages, a first configuration
# make uninstall   takes that away again, but no configuration, no state and no users

# The tests start some hundred interpreters, and each would compile all of zaiond anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-web screenshots test lint unit e2e fleet fleet-chaos crash fuzz soak bench sbom clean deb deb-test dist \
    install install-files uninstall

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@.ci/setup

demo: setup
	@.venv/bin/python -m tests.support.demo

demo-web: setup
	@.venv/bin/python -m tests.support.demo_web

screenshots: setup
	@.ci/install-for-e2e
	.venv/bin/python -m tests.support.screenshots

# The linters have the second processor while the first one collects; what they say comes last.
test: setup
	@said=$$(mktemp); trap 'rm -f $$said' EXIT; \
	$(MAKE) --no-print-directory lint >$$said 2>&1 & lint=$$!; \
	$(MAKE) --no-print-directory unit; unit=$$?; \
	wait $$lint; lint=$$?; cat $$said; exit $$((lint | unit))

lint: setup
	.venv/bin/ruff check -q
	.venv/bin/ruff format -q --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	@if command -v shellcheck >/dev/null; then set -x; shellcheck .ci/* etc/completion/*.bash $(scripts) debian/activate debian/zaiond*.p*; \
	else echo "shellcheck is not installed: the shell scripts were not checked." >&2; fi

# Collected once before where nothing is compiled yet, so that not each of the four does it for itself.
# Each of them gets files as a whole where it can, so that what a file's tests share is made once.
unit: setup
	@[ -d tests/fuzz/__pycache__ ] || .venv/bin/pytest --collect-only -qq >/dev/null || true
	@rm -f .coverage .coverage.*
	.venv/bin/$(if $(COVERAGE),coverage run -m )pytest -n 4 --dist worksteal
	$(if $(COVERAGE),.venv/bin/coverage combine -q && .venv/bin/coverage report)

e2e: setup
	@.ci/install-for-e2e
	@.ci/unpack-for-e2e
	@.ci/install-for-deb tests
	@.ci/build-deb
	@.ci/make-machine bookworm
	.venv/bin/pytest -n 3 --dist loadgroup $(E2E) tests/e2e

KILLS = 50
CUTS = 500
FAULTS = 30
FILES = 20
CLOCKS = 4
crash: setup
	@.ci/install-for-crash
	ZAIOND_CRASH_EVENTS=10000 ZAIOND_CRASH_KILLS=$(KILLS) ZAIOND_CRASH_CUTS=$(CUTS) \
	    ZAIOND_CRASH_FAULTS=$(FAULTS) ZAIOND_CRASH_FILES=$(FILES) \
	    ZAIOND_CRASH_CLOCKS=$(CLOCKS) .venv/bin/pytest -s tests/crash
	ZAIOND_HOSTILE_EVENTS=3000 .venv/bin/pytest -s tests/property/test_hostile_content.py \
	    tests/fault/test_hostile_events.py

# They wait for leases to end, most of the time.
fleet: setup
	@.ci/install-for-e2e
	.venv/bin/pytest -n 4 --dist loadgroup --ignore=tests/e2e/test_fleet_chaos.py tests/e2e/test_fleet*.py

EVENTS = 20000
RATE = 80
fleet-chaos: setup
	@.ci/install-for-e2e
	ZAIOND_FLEET_EVENTS=$(EVENTS) ZAIOND_FLEET_RATE=$(RATE) .venv/bin/pytest -n 3 -rP tests/e2e/test_fleet_chaos.py

EACH = 60
fuzz: setup
	ZAIOND_FUZZ_SECONDS=$(EACH) .venv/bin/pytest -s -n 2 tests/fuzz
	ZAIOND_EXAMPLES=1000 .venv/bin/pytest -n 2 tests/property

SECONDS = 600
soak: setup
	ZAIOND_SOAK_SECONDS=$(SECONDS) .venv/bin/pytest -s tests/soak

bench: setup
	@.ci/install-for-e2e
	.venv/bin/python -m tests.bench $(if $(QUICK),--quick) $(PARTS)

# Of an environment of its own: what the tests need is in no installation.
sbom: setup
	@rm -rf build/sbom build/cyclonedx
	.venv/bin/python -m venv --without-pip build/sbom
	.venv/bin/pip -q --python build/sbom/bin/python install '.[web,fleet]'
	.venv/bin/python -m venv build/cyclonedx
	build/cyclonedx/bin/pip -q install 'cyclonedx-bom>=7,<8'
	build/cyclonedx/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
	    -o build/zaiond.cdx.json build/sbom/bin/python

clean:
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .ruff_cache .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -prune -exec rm -rf {} +

deb: setup
	@.ci/install-for-deb
	@.ci/build-deb

dist: setup
	rm -f dist/*.whl dist/*.tar.gz
	.venv/bin/python -m build -o dist >/dev/null
	@ls dist/*.whl dist/*.tar.gz

deb-test: deb
	@.ci/install-for-deb tests
	@.ci/make-machine bookworm trixie bookworm+trixie
	ZAIOND_RELEASES="bookworm trixie" .venv/bin/pytest -n 2 --dist loadgroup tests/e2e/test_packages.py

# PREFIX=/usr is for packages, DESTDIR too: with it, nothing of this system is asked or told.
PREFIX = /usr/local
# web,fleet for a machine of a fleet.
EXTRAS = web
PYTHON = /usr/bin/python3
lib = $(DESTDIR)$(PREFIX)/lib
program = $(lib)/zaiond
version := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' zaiond/__init__.py)
bin = $(DESTDIR)$(PREFIX)/bin
man = $(DESTDIR)$(PREFIX)/share/man
completion = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
examples = $(DESTDIR)$(PREFIX)/share/doc/zaiond/examples
units = $(notdir $(wildcard systemd/*.service systemd/*.socket))
enabled = zaiond.socket zaiond.service zaiond-web.socket zaiond-web-settings.socket
# Short, and seldom changed: to whoever has changed it, too, an upgrade of the package then has no question.
first = sed 's|/usr/local/|$(PREFIX)/|' etc/first.yaml
scripts = $(addprefix etc/examples/,rsync-backup apt-event mdadm-event smartd-event)

# A virtual environment of its own: what else is installed stays as it is. It is made beside the one
# in use, whose place it takes by a rename: at no moment there is none. The one before stays until the
# next installation, for what still runs out of it. On disk first: a power cut could leave empty files,
# and an empty zaiond-ctl succeeds.
install:
	@umask 022; mkdir -p $(lib); number=1; \
	while [ -e $(program)-$(version)-$$number ]; do number=$$((number + 1)); done; \
	new=zaiond-$(version)-$$number; before=$$(readlink $(program)); source=$$(mktemp -d); \
	trap 'rm -rf $$source; [ "$$(readlink $(program))" = $$new ] || rm -rf $(lib)/$$new' EXIT; \
	set -ex; $(PYTHON) -m venv $(lib)/$$new; \
	cp -r pyproject.toml README.md zaiond $$source; cd $(lib)/$$new/bin; \
	./python -m pip install -q --disable-pip-version-check --no-input "$$source[$(EXTRAS)]"; \
	sed -i "1s|.*|#!$(PREFIX)/lib/$$new/bin/python|" zaiond zaiond-ctl zaiond-sendmail zaiond-web; \
	sync -f $(lib)/$$new; ln -sfn $$new $(program).new; mv -T $(program).new $(program); \
	for old in $(program)-[0-9]*; do \
	    case $${old##*/} in $$new | $$before) ;; *) rm -rf $$old ;; esac; \
	done
	@$(MAKE) --no-print-directory install-files
ifeq ($(DESTDIR),)
	systemd-sysusers
	systemd-tmpfiles --create zaiond.conf zaiond-web.conf
	[ -e /etc/zaiond/zaiond.yaml ] || \
	    $(first) | install -m 640 -g zaiond /dev/stdin /etc/zaiond/zaiond.yaml
	[ ! -d /run/systemd/system ] || \
	    { systemctl daemon-reload && systemctl try-restart zaiond.service zaiond-web.service; }
	@echo "Now run zaiond-ctl setup, or edit /etc/zaiond/zaiond.yaml; then: systemctl enable --now zaiond.socket zaiond.service"
	@echo "次に zaiond-ctl setup を実行するか /etc/zaiond/zaiond.yaml を編集し、systemctl enable --now zaiond.socket zaiond.service"
endif

# All but the program; the packages of debian/ take it from here, too.
install-files:
	install -d $(bin) $(completion) $(lib)/systemd/system
	ln -sf $(PREFIX)/lib/zaiond/bin/zaiond $(PREFIX)/lib/zaiond/bin/zaiond-ctl \
	    $(PREFIX)/lib/zaiond/bin/zaiond-sendmail $(PREFIX)/lib/zaiond/bin/zaiond-web $(bin)
	@for page in docs/*.[158]; do \
	    name=$${page#docs/}; section=$${name##*.}; \
	    case $$name in *.ja.*) language=/ja; name=$${name%.ja.*}.$$section ;; *) language= ;; esac; \
	    page_there=$(man)$$language/man$$section/$$name; \
	    install -D -m 644 $$page $$page_there || exit; \
	    sed -i 's|/usr/local/\(bin\|share\)/|$(PREFIX)/\1/|' $$page_there || exit; \
	done
	install -m 644 etc/completion/zaiond-ctl.bash $(completion)/zaiond-ctl
	install -d $(examples)
	cp -r etc/examples/. etc/zaiond.yaml $(examples)
	@chmod -R u=rwX,go=rX $(examples)
	@find $(examples) -type f -exec sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' {} +
	@for kind in sysusers.d tmpfiles.d; do for file in systemd/$$kind/*.conf; do \
	    install -D -m 644 $$file $(lib)/$${file#systemd/} || exit; \
	done; done
	install -m 644 $(addprefix systemd/,$(units)) $(lib)/systemd/system
	@cd $(lib)/systemd/system && sed -i 's|/usr/local/|$(PREFIX)/|' $(filter %.service,$(units))
ifneq ($(DESTDIR),)
	[ -e $(DESTDIR)/etc/zaiond/zaiond.yaml ] || \
	    $(first) | install -D -m 640 /dev/stdin $(DESTDIR)/etc/zaiond/zaiond.yaml
endif

uninstall:
ifeq ($(DESTDIR),)
	@# Also where systemd isn't PID 1, or an earlier one was interrupted.
	[ ! -d /run/systemd/system ] || systemctl stop zaiond-web.service $(enabled) || true
	systemctl disable $(enabled) || true
endif
	rm -rf $(program) $(program)-[0-9]*
	rm -f $(bin)/zaiond $(bin)/zaiond-ctl $(bin)/zaiond-sendmail $(bin)/zaiond-web \
	    $(completion)/zaiond-ctl
	rm -rf $(examples)
	rm -f $(man)/man[158]/zaiond*.[158] $(man)/ja/man[158]/zaiond*.[158]
	rm -f $(addprefix $(lib)/systemd/system/,$(units))
	rm -f $(lib)/sysusers.d/zaiond*.conf $(lib)/tmpfiles.d/zaiond*.conf
ifeq ($(DESTDIR),)
	[ ! -d /run/systemd/system ] || systemctl daemon-reload
endif
