.DEFAULT_GOAL := help
PY := .venv/bin/python

.PHONY: help demo test sim sim-night planted bench kill days schemas docs format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: ## a simulated market traded on paper, on your screen (the first run installs)
	@sh tools/install.sh standalone
	@.venv/bin/marea demo

test: ## every gate and every test (the first run installs)
	@sh tools/install.sh dev
	@$(PY) -m pytest -n auto

sim: ## play 2,000 simulated worlds under faults, or tell what happened in one: make sim SEED=17
	@sh tools/install.sh dev
	@$(PY) -m tests.simulation $(if $(SEED),--story $(SEED),--seeds 2000)

SEEDS ?= 1000000

sim-night: ## play a million worlds, from where the last night ended, and every two crashes of a day
	@sh tools/install.sh dev
	@$(PY) -m tests.simulation --night $(SEEDS) && $(PY) -m tests.simulation --pairs

planted: ## plant every known bug, see how soon the worlds find it, write docs/planted-bugs.md
	@sh tools/install.sh dev
	@$(PY) -m tests.simulation --planted --seeds 10000

bench: ## measure speed and memory on recorded tapes: make bench TAPE=FILE (or MAREA_DATA)
	@sh tools/install.sh dev
	@$(PY) -m benchmarks $(TAPE)

kill: ## crash each loop, and kill the demo, at 20 moments, and compare: make kill (or TAPE=FILE)
	@sh tools/install.sh dev
	@$(PY) -m tools.crash_loops && $(PY) -m tools.kill_demo $(TAPE)

days: ## trade whole days on paper, print their counts, reckon their money anew: make days (or TAPE=FILE)
	@sh tools/install.sh dev
	@$(PY) -m tools.trading_days $(TAPE)

schemas: ## write schemas/ anew from the message types
	@sh tools/install.sh dev
	@$(PY) -m tools.schemas

docs: ## write anew the pages that are drawn from code: services, invariants, the life of an order
	@sh tools/install.sh dev
	@$(PY) -m tools.services_readme && $(PY) -m tools.invariants_page && $(PY) -m tools.order_life

format: ## format the code and mend what ruff can mend
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lock: ## write requirements/*.txt anew from pyproject.toml
	@sh tools/lock.sh

clean: ## remove what was installed, cached and run
	@rm -rf .venv .cache runs
