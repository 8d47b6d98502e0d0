.DEFAULT_GOAL := help
PY := .venv/bin/python

.PHONY: help demo test up down ps sim night trials bench chaos docs format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: ## a simulated market traded on paper, on your screen (the first run installs)
	@sh tools/install.sh standalone
	@.venv/bin/marea demo

test: ## every gate and every test (the first run installs)
	@sh tools/install.sh dev
	@$(PY) -m pytest -n auto

up: ## start Kafka, Redis, PostgreSQL, InfluxDB and an S3 store, in containers where an engine runs
	@sh tools/install.sh distributed
	@$(PY) -m deploy up

down: ## end them; their data stay
	@$(PY) -m deploy down

ps: ## tell how they do, and where they are
	@$(PY) -m deploy ps

sim: ## play 2,000 simulated worlds under faults, or tell what happened in one: make sim SEED=17
	@sh tools/install.sh dev
	@$(PY) -m tests.simulation $(if $(SEED),--story $(SEED),--seeds 2000)

SEEDS ?= 1000000

night: ## play a million worlds and every two crashes of a day, plant every known bug, till morning
	@sh tools/install.sh dev
	@$(PY) -m tests.simulation --night $(SEEDS) && $(PY) -m tests.simulation --pairs
	@$(PY) -m tests.simulation --planted --seeds 10000

chaos: ## kill, stop, empty, poison and soak what runs over real servers; docs/chaos.md (70 minutes)
	@sh tools/install.sh dev
	@$(PY) -m tests.chaos && $(PY) -m tests.chaos.poison && $(PY) -m tests.chaos.soak

bench: ## measure speed and memory on recorded tapes: make bench TAPE=FILE (or MAREA_DATA)
	@sh tools/install.sh dev
	@$(PY) -m benchmarks $(TAPE)

trials: ## trade whole days and reckon their money anew; crash loops and kill the demo (or TAPE=FILE)
	@sh tools/install.sh dev
	@$(PY) -m tools.trading_days $(TAPE)
	@$(PY) -m tools.crash_loops && $(PY) -m tools.kill_demo $(TAPE)

docs: ## write anew what is drawn from code: schemas/, AsyncAPI, pages of services, invariants, tables, orders
	@sh tools/install.sh dev
	@$(PY) -m tools.schemas && $(PY) -m tools.services_readme && $(PY) -m tools.invariants_page
	@$(PY) -m tools.tables_page && $(PY) -m tools.order_life && $(PY) -m tools.asyncapi

format: ## format the code and mend what ruff can mend
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

lock: ## write requirements/*.txt anew from pyproject.toml
	@sh tools/lock.sh

clean: ## remove what was installed, cached and run
	@[ ! -x $(PY) ] || $(PY) -m deploy.local down
	@rm -rf .venv .cache runs
