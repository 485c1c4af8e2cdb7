# Everything a developer runs. uv is used from PATH, or bootstrapped into .tools (nothing is installed elsewhere).
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
RUN := $(UV) run --frozen
export DO_NOT_TRACK = 1
export UV_COMPILE_BYTECODE = 1
# the machine's own certificate store: offices behind an inspecting proxy have their authority there
export UV_SYSTEM_CERTS = 1

.PHONY: setup demo test test-fast test-year test-postgres test-servers test-faults bench-mailroom lint clean
.DEFAULT_GOAL := test

setup: .venv/.synced

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

.venv/.synced: uv.lock pyproject.toml $(if $(filter .tools/%,$(UV)),.tools/bin/uv)
	$(UV) sync --frozen --all-extras
	touch $@

demo: setup
	$(RUN) treem rehearse bao-cao-6-thang/2027 --out var/demo

test: setup
	$(RUN) pytest -n 2 --dist loadfile -m "not servers and not long"

test-fast: setup
	$(RUN) pytest -n 2 --dist loadfile -m "not slow and not servers and not long"

# a whole year of every activity over real mail, without Prefect; with it: treem rehearse --year 2027
test-year: setup
	$(RUN) pytest -m long tests/rehearsal/test_year.py

# needs TREEM_TEST_POSTGRES, the URL of a database it may fill; .ci/postgres gives a throw-away one
test-postgres: setup
	$(RUN) pytest tests/ledger tests/rounds/test_postgres.py

# what a letter costs us beside the bare floor in the same run: ratios with verdicts; 1 where one is not reached
bench-mailroom: setup
	nice $(RUN) python -m bench.mailroom $(BENCH)

# kill -9 at every commit of sending and collecting, over 200 random schedules
test-faults: setup
	TREEM_SCHEDULES=200 $(RUN) pytest -n 2 tests/rounds/faults/test_schedules.py

# real mail servers: needs Dovecot and Postfix (Debian: dovecot-imapd dovecot-lmtpd postfix), and root for Postfix; what
# is missing is skipped by name. ".ci/postgres make test-servers" has the ledger on PostgreSQL too.
test-servers: setup
	.ci/mail-servers
	$(RUN) pytest -n 2 --dist loadfile -m servers tests/servers

lint: setup
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports

clean:
	rm -rf .venv .tools var out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
