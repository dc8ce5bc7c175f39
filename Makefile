# make demo: install into .venv and run the main demonstration.
# make test: install with the test extras and run the whole suite, in JOBS processes.
PYTHON ?= python3
VENV := .venv
JOBS ?= 2
PY := $(VENV)/bin/python
NATIVE_SOURCES := $(wildcard src/runtime/*.cpp src/runtime/*.h) CMakeLists.txt pyproject.toml

.PHONY: demo test develop lint format check sanitize clean FORCE

# The editable install maps module names to files: it is renewed when files come or go.
$(VENV)/.files: FORCE
	@mkdir -p $(VENV)
	@find src/chainrule -name '*.py' | sort | cmp -s - $@ || \
		find src/chainrule -name '*.py' | sort > $@
FORCE:

$(VENV)/.installed: $(NATIVE_SOURCES) $(VENV)/.files
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q "scikit-build-core>=1.0" "nanobind>=2.4" "numpy>=2.0" "cmake>=3.18" ninja
	$(PY) -m pip install -q --no-build-isolation -e ".[plot]"
	$(PY) -m compileall -q src/chainrule
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PY) -m pip install -q --no-build-isolation -e ".[plot,test]"
	touch $@

demo: $(VENV)/.installed
	$(PY) examples/demo.py

test: $(VENV)/.installed-test
	$(PY) -m pytest -n $(JOBS)

develop: $(VENV)/.installed-test
	$(PY) -m pip install -q --no-build-isolation -e ".[plot,test,lint]"

# make lint: what the style demands of the text; make format: brings it about.
lint: develop
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m pyright

format: develop
	$(PY) -m ruff check --fix-only -q .
	$(PY) -m ruff format -q .
	$(PY) docs/quote.py

check: lint
	$(PY) -m pytest -n $(JOBS)

# make sanitize: the tests of the runtime, or TESTS, with checks of every access to memory.
sanitize: $(VENV)/.installed-test
	$(PY) tools/sanitize.py --jobs $(JOBS) $(TESTS)

clean:
	rm -rf build $(VENV) demo-output
