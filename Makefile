# The commands of this project. `make demo` and `make test` set up what they need by themselves.
PYTHON ?= python3
DATA ?= ../shared/data

ENV := .venv
RUN := $(ENV)/bin/python
READY := $(ENV)/ready
BUNDLE := src/dvi_widget/widget/static/widget.js
FRONT := $(shell find js/src -type f 2>/dev/null) js/build.mjs js/build_hook.py package-lock.json

.PHONY: demo test slow check front python unit lowest mutants setup docs wheel release-check chromium kills fuzz soak audit pictures benchmarks clean

# Trains, records, fits and exports; the executed notebook and the page land in build/demo.
demo: setup
	$(RUN) notebooks/execute.py notebooks/quickstart.ipynb build/demo

# Every check and every test.
test: setup chromium check front python

# The same beside four busy loops: nothing may depend on a fast machine.
slow: setup chromium
	@loops=; for loop in 1 2 3 4; do while :; do :; done & loops="$$loops $$!"; done; \
	trap 'kill $$loops' EXIT; $(MAKE) test

setup: $(READY) $(BUNDLE)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "dvi_widget needs Python 3.10 or newer: make PYTHON=/path/to/python3 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(ENV) || { \
	  rm -rf $(ENV); echo "This Python cannot make environments: install its venv package first."; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

$(BUNDLE): $(READY) $(FRONT)
	$(RUN) js/build_hook.py build

check: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	# The oldest Python as well; numpy's types are looser there.
	$(RUN) -m mypy --python-version 3.10 --no-warn-return-any --no-warn-unused-ignores

front: setup
	$(RUN) js/build_hook.py build check test

# Kernels of notebooks and browser tests are processes of their own, and count for no coverage. A file stays with
# one worker, because its tests share a notebook or a run; files are begun in the order of tests/conftest.py.
WORKERS ?= 2
python: setup chromium
	$(RUN) -m pytest --cov -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The unit tests alone; on another Python: make unit ENV=build/python3.13 PYTHON=/path/to/python3.13
unit: setup
	$(RUN) -m pytest tests/unit -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The unit tests on the lowest versions that pyproject.toml declares, in an environment of their own.
lowest: setup
	$(RUN) -m uv venv --quiet --clear --no-python-downloads --python $(PYTHON) build/lowest
	$(RUN) -m uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct -e '.[test]'
	build/lowest/bin/python -m pytest tests/unit -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Small changes to a few modules, of which no test should stay green: prints those that no test noticed. SAMPLE
# picks mutants by the last digits of their numbers; '*' takes all of them.
SAMPLE ?= '*_*3' '*_*7'
mutants: setup
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	rm -rf mutants
	OMP_NUM_THREADS=1 $(ENV)/bin/mutmut run $(SAMPLE)
	@$(ENV)/bin/mutmut results | while read -r mutant state; do \
	  test "$$state" != survived || $(ENV)/bin/mutmut show "$${mutant%:}" | grep -E '^(#|[-+] )'; done

# The documentation, in build/docs; every warning is an error. Its living explorers are trained and exported now.
docs: setup
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	rm -rf docs/reference/generated
	$(RUN) -m sphinx -W --keep-going -q -b html docs build/docs

# The source archive and the wheel, in dist/. The wheel installs without Node.
wheel: setup
	rm -rf dist
	$(RUN) -m hatchling build -t sdist -t wheel

# The same, checked as someone meets them who installs them; JupyterLab's picture lands in build/screenshots.
release-check: setup chromium
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[release]'
	$(RUN) tests/release.py

# The browser tests drive a Chromium: one that is here, else Debian's, else Playwright's.
chromium: $(READY)
	@$(RUN) tests/browser/chromium.py >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -q && apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core; \
	else $(RUN) -m playwright install chromium; fi
	@$(RUN) tests/browser/chromium.py

# Four hundred drawn networks, every attribution method of each against its oracle; five thousand damaged runs; and
# twenty thousand messages of a page to an explorer, with five thousand values for what it shares.
fuzz: setup
	$(RUN) tests/fuzz/judging.py 400
	$(RUN) tests/fuzz/folders.py 5000
	$(RUN) tests/fuzz/messages.py 20000 5000

# A hundred kills while recording and while fitting.
kills: setup
	$(RUN) tests/kills.py 100

# Ten thousand requests of four pages to one kernel, and a thousand runs of a cell over 300 epochs.
soak: setup
	$(RUN) tests/soak.py 10000 1000

# Known faults of what this environment and the front end are made of, asked of the registries.
audit: setup
	$(RUN) -m pip install --quiet --disable-pip-version-check pip-audit
	$(RUN) -m pip_audit --skip-editable
	$(RUN) js/build_hook.py audit

# The explorer on the MNIST reference run, as pictures in build/pictures.
pictures: setup chromium
	$(RUN) benchmarks/pictures.py --data $(DATA)

benchmarks: setup
	$(RUN) benchmarks/dvi.py --data $(DATA)

clean:
	rm -rf build dist mutants node_modules $(ENV) src/dvi_widget/widget/static
