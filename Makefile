# setup makes the environment; run and test use it, and a second call installs nothing again.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
WITNESSES := ib_insync ib_async ibapi nautilus_ibapi exchange_calendars
FOREIGN := $(WITNESSES:%=.venv-%/.installed) .node-stoqey/.installed
# What one needs and does not declare: zone names of the wire; the module `google`.
WITH_ib_insync := tzdata
WITH_nautilus_ibapi := protobuf

.PHONY: setup setup-dev setup-foreign run test lint nightly bench mutate clean

setup: $(STAMP)

setup-dev: $(DEV_STAMP)

setup-foreign: $(FOREIGN)

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "Python 3.11 to 3.13 is needed, found %d.%d: set PYTHON=python3.12, say" % v)'
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.txt | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements.txt requirements-dev.txt | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(STAMP)

# Other people's clients of the gateway and their calendar, each apart: some ship a module of the
# same name.
.venv-%/.installed: requirements-foreign.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -c requirements-foreign.txt $* $(WITH_$*)
	@touch $@

# The one from npm. Where there is no node its tests skip, and nothing else is missing.
.node-stoqey/.installed: tests/gateway/foreign/package.json tests/gateway/foreign/package-lock.json
	@if command -v node > /dev/null && command -v npm > /dev/null; then \
	    mkdir -p $(@D) && cp $^ $(@D) && cd $(@D) && npm ci --no-audit --no-fund --loglevel=error && touch .installed; \
	else echo "absent: node (a client of the gateway is not installed)"; fi

run: setup
	$(PY) agent.py run

lint: setup-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	PYTHONPATH=. $(VENV)/bin/lint-imports

test: setup-dev setup-foreign lint
	$(VENV)/bin/pytest -n 2 --dist loadgroup --ignore tests/bench --cov=guardrails --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

# What takes too long for each change: a million hostile proposals, other ones each night.
nightly: setup-dev
	$(PY) -m tests.adversary.run --count 1000000 --processes 2

bench: setup-dev
	$(VENV)/bin/pytest tests/bench --benchmark-columns=median,ops,rounds

# One change at a time to guardrails/, and a test must notice it. ONLY=guardrails/ticks.py for one.
mutate: setup-dev
	$(PY) -m tests.mutation --workers $(or $(WORKERS),2) $(ONLY)

clean:
	rm -rf $(VENV) $(WITNESSES:%=.venv-%) .node-stoqey
