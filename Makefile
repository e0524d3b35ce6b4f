# `make` alone explains the targets. Each does all of its own set-up, in .venv, and does it again only when the locks
# have changed. PYTHON=python3.12 chooses another interpreter; ARGS=... goes to the command.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Where someone has Python keep no compiled modules, each start of a program would compile all of them anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-sqlite test-postgres chaos leads cluster siege offline bench screenshots diagram check format migrations lock audit release clean

help: ## say what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 14

demo: $(VENV)/run ## show the whole story on this machine (ARGS=--exit ends by itself)
	@$(BIN)/warmline demo $(ARGS)

serve: $(VENV)/run ## serve Warmline (ARGS="--port 8000"); docs/configuration.md lists its settings
	@$(BIN)/warmline serve $(ARGS)

test: $(VENV)/dev ## run every test on SQLite, then what uses the database on PostgreSQL (ARGS="tests/sync -k label")
	@failed=; for half in test-sqlite test-postgres; do $(MAKE) --no-print-directory $$half || failed=1; done; test -z "$$failed"

test-sqlite: $(VENV)/dev ## run the first half alone
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

test-postgres: $(VENV)/dev ## run the second half alone, on a PostgreSQL of the tests' own
	TEST_DATABASE=postgres $(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

chaos: $(VENV)/dev ## break it for SECONDS=60 (DATABASE=postgres for on PostgreSQL), or replay SEED=...
	@TEST_DATABASE=$(DATABASE) PYTHONPATH=tests DJANGO_SETTINGS_MODULE=settings_for_tests $(BIN)/python -m chaos.run \
		$(if $(SEED),--seed $(SEED),--seconds $(or $(SECONDS),60))

leads: $(VENV)/dev ## send LEADS=1000 up to five times each to a server that dies, over connections that break (DATABASE=postgres)
	@PYTHONPATH=tests DJANGO_SETTINGS_MODULE=settings_for_tests $(BIN)/python -m chaos.sending_again \
		--leads $(or $(LEADS),1000) --database $(or $(DATABASE),sqlite) $(ARGS)

cluster: $(VENV)/dev ## break several machines, played on this one, for SECONDS=900 (as root; SEED=... does the same again)
	@PYTHONPATH=tests $(BIN)/python -m cluster.run --seconds $(or $(SECONDS),900) $(if $(SEED),--seed $(SEED)) $(ARGS)

siege: $(VENV)/dev ## attack it on loopback for SECONDS=180 in all (ARGS="--only crowd" for some), and print a table
	@PYTHONPATH=tests DJANGO_SETTINGS_MODULE=settings_for_tests $(BIN)/python -m siege.run \
		--seconds $(or $(SECONDS),180) $(ARGS)

offline: $(VENV)/dev ## have people at random work without a network for SECONDS=600 (SEED=... CROSSING=... for one of them again)
	@PYTHONPATH=tests $(BIN)/python -m e2e.offline $(if $(SEED),--seed $(SEED) --crossing $(CROSSING),--seconds $(or $(SECONDS),600))

bench: $(VENV)/dev ## measure the promises of speed and price, about ten minutes (ARGS="burst tokens" for some)
	@$(BIN)/python -m bench.run $(ARGS)

screenshots: $(VENV)/dev ## take the pictures of all pages anew, for the README
	@PYTHONPATH=tests $(BIN)/python -m e2e.screenshots

diagram: $(VENV)/dev ## draw the import contracts anew, for docs/architecture.md
	@PYTHONPATH=tests $(BIN)/python -m diagram

check: $(VENV)/dev ## lint, check formatting, types, import arrows, missing migrations and the settings of a deployment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONPATH=tests $(BIN)/django-admin makemigrations --check --dry-run --settings settings_for_tests
	WARMLINE_DATA_DIR=.cache/deployment WARMLINE_PUBLIC_URL=https://warmline.example.com \
		$(BIN)/django-admin check --deploy --fail-level WARNING --settings warmline.settings

format: $(VENV)/dev ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

migrations: $(VENV)/dev ## write the migrations for changed models
	PYTHONPATH=tests $(BIN)/django-admin makemigrations --settings settings_for_tests
	$(BIN)/ruff format src/warmline/*/migrations

lock: $(VENV)/dev ## lock the newest versions that pyproject.toml admits
	$(BIN)/python -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 pyproject.toml --output-file requirements/run.txt
	$(VENV)/lock/bin/uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --extra postgres --extra dev pyproject.toml --output-file requirements/dev.txt
	cp requirements/dev.txt requirements/postgres.txt # so that it gets the same versions
	$(VENV)/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url \
		--python-version 3.11 --extra postgres pyproject.toml --output-file requirements/postgres.txt

audit: $(VENV)/dev ## ask whether a vulnerability is known of anything that is installed
	@$(BIN)/python -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	@$(BIN)/python -m release.audit $(VENV)/audit/bin/pip-audit

release: $(VENV)/dev ## build wheel, sdist, bill of materials and checksums into dist/ (ARGS="--commit v0.1.0")
	@$(BIN)/python -m venv $(VENV)/release && $(VENV)/release/bin/pip install --quiet --disable-pip-version-check \
		"$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')"
	@$(BIN)/python -m release.build --builder $(CURDIR)/$(VENV)/release/bin/python $(ARGS)

clean: ## take away everything that the targets made
	rm -rf $(VENV) .cache .pytest_cache .hypothesis build dist

# The two files mark what is installed: what it takes to run, and what it takes to test.
$(VENV)/run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Warmline needs Python 3.11 or later; say which with PYTHON=...")'
	@echo "Setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $@
