# Everything is made from here, with what it needs brought up to date first and reused afterwards.
#
# Without a ROS 2 distribution sourced: ROS 2 from wheels in .venv/ (made with PYTHON), and underlay/.
# With one (ROS_DISTRO is set): that distribution's Python, packages and colcon.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
# TORCH=cpu takes a torch without CUDA: a fifth of the download. Asked for once: an environment that is there keeps its own.
TORCH ?=
export TORCH
VENV := .venv
FLAVOUR := $(or $(ROS_DISTRO),wheels)
BUILD := build/$(FLAVOUR)
INSTALL := install/$(FLAVOUR)

# SYMLINK=0 copies the sources instead of linking them.
SYMLINK ?= 1
SYMLINK_OPTION := $(if $(filter 1,$(SYMLINK)),--symlink-install)
FIND_SOURCES := find CMakeLists.txt package.xml hand_pose_ros scripts launch config rviz urdf models assets msg \
  -name __pycache__ -prune -o -type f -print 2>/dev/null

ifdef ROS_DISTRO
ENVIRONMENT := $(BUILD)/environment.stamp
UNDERLAY :=
else
ENVIRONMENT := $(VENV)/made-from
UNDERLAY := build/underlay/build.stamp
endif

# In a shell with ROS 2 and this package.
IN_ENVIRONMENT := source tools/environment.sh &&
COLCON := colcon --log-level error --log-base log build --event-handlers desktop_notification- status-
CMAKE_ARGS := --cmake-args -DBUILD_TESTING=OFF -DPython3_FIND_VIRTUALENV=ONLY

.PHONY: help env build kernels lint format test test-fast coverage demo clean distclean FORCE

help:  ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 20

env: $(ENVIRONMENT)  ## make or update the environment: .venv/ (TORCH=cpu: without CUDA), or check the sourced distribution

# Brought here from another place, a folder that was renamed or copied among them: it names that one.
VENV_MADE_IN := $(shell sed -n '1s|^\#!\(/.*\)/bin/python[0-9.]*$$|\1|p' $(VENV)/bin/pip 2>/dev/null)

$(VENV)/made-from: tools/environment.py pyproject.toml $(wildcard requirements/*.txt) \
  $(if $(filter-out $(CURDIR)/$(VENV),$(VENV_MADE_IN)),FORCE)
	@$(PYTHON) tools/environment.py $(VENV)

build/$(ROS_DISTRO)/environment.stamp: tools/environment.py
	@python3 tools/environment.py --distribution
	@mkdir -p $(@D) && touch $@

build: $(BUILD)/build.stamp  ## build messages and package into install/ (SYMLINK=0: copy sources)

# Changes when a file is added or removed: installed links must follow, and those to nothing go, as do those to compiled
# kernels of the sources, which earlier versions made. Copies must follow every edit.
$(BUILD)/sources.list: FORCE
	@mkdir -p $(@D)
	@{ echo "SYMLINK=$(SYMLINK)"; $(FIND_SOURCES) | sort; } > $@.new; \
	  if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/build.stamp: $(ENVIRONMENT) $(UNDERLAY) $(BUILD)/sources.list CMakeLists.txt package.xml $(wildcard msg/*.msg) \
  $(if $(SYMLINK_OPTION),,$(shell $(FIND_SOURCES)))
	@echo "build: hand_pose_ros for $(FLAVOUR) (the first time a minute longer: kernels are compiled)"
	@$(IN_ENVIRONMENT) made_with="SYMLINK=$(SYMLINK) $$(python3 -VV) $(CURDIR)" && \
	  if [ "$$(cat $(BUILD)/made-with 2>/dev/null)" != "$$made_with" ]; then rm -rf $(BUILD)/hand_pose_ros $(INSTALL); fi && \
	  { [ ! -d $(INSTALL) ] || find $(INSTALL) -path '*/__pycache__/*' -type l -delete; } && \
	  $(COLCON) --base-paths . $(SYMLINK_OPTION) --build-base $(BUILD) --install-base $(INSTALL) $(CMAKE_ARGS) && \
	  find $(INSTALL) -xtype l -delete && \
	  echo "$$made_with" > $(BUILD)/made-with
	@touch $@

build/underlay/build.stamp: $(ENVIRONMENT) $(shell find underlay -name __pycache__ -prune -o -type f -print)
	@echo "build: underlay (what the wheels of ROS 2 lack)"
	@rm -rf build/underlay install/underlay
	@$(IN_ENVIRONMENT) $(COLCON) --paths underlay/* --build-base build/underlay --install-base install/underlay $(CMAKE_ARGS)
	@touch $@

lint: $(ENVIRONMENT)  ## ruff and mypy
	@$(IN_ENVIRONMENT) if [ -n "$(ROS_DISTRO)" ] && ! { command -v ruff && command -v mypy; } >/dev/null; then \
	  echo "lint: left out, ruff and mypy are not on this machine (pip install ruff mypy)"; \
	  else ruff check . && ruff format --check . && mypy; fi

format: $(ENVIRONMENT)  ## let ruff format the sources
	@$(IN_ENVIRONMENT) ruff check --fix . && ruff format .

# A process a core, each with one thread, where pytest-xdist is installed.
PYTEST := OMP_NUM_THREADS=1 pytest $$(python3 -c 'import xdist' 2>/dev/null && echo "-n auto --dist loadfile")

# Tests run the sources, and every process of theirs would compile what the installation has compiled of the same files. Where
# the sources have none of it yet: files of two caches must not be mixed.
kernels: build
	@from=$$(find $(INSTALL) -type d -path '*-packages/hand_pose_ros' | head -n 1); \
	  if [ -n "$$from" ] && ! find hand_pose_ros -name '*.nb[ic]' | grep -q .; then \
	    cd "$$from" && find . -name '*.nb[ic]' -exec cp -p --parents {} "$(CURDIR)/hand_pose_ros" ';'; fi

test: kernels lint  ## lint and all tests, on all cores (TESTS=test/hand for some)
	@$(IN_ENVIRONMENT) $(PYTEST) $(TESTS)

test-fast: kernels  ## the tests that are not marked slow, on all cores: four minutes on two
	@$(IN_ENVIRONMENT) $(PYTEST) -m "not slow" $(TESTS)

coverage: kernels  ## which lines the tests that are not marked slow run (numba's kernels left out)
	@$(IN_ENVIRONMENT) pytest -m "not slow" --cov --cov-report=term $(TESTS)

DEMO_OPTIONS := $(if $(FRAMES),--frames "$(FRAMES)") $(if $(INTRINSICS),--intrinsics "$(INTRINSICS)") \
  $(if $(DEPTH_UNIT),--depth-unit "$(DEPTH_UNIT)") $(if $(SIDE),--side "$(SIDE)") $(if $(DURATION),--seconds "$(DURATION)") \
  $(if $(RATE),--rate "$(RATE)") $(if $(HANDS),--hands "$(HANDS)") \
  $(if $(ROBOT),--robot "$(ROBOT)")

# ROBOT: a robot's hand that follows, by its name in config/retarget/ or as a file of YAML. What it needs is installed
# before, where its file has a section for an engine; into a sourced distribution nothing is installed.
ROBOT ?=
ifneq ($(and $(ROBOT),$(filter demo,$(MAKECMDGOALS))),)
ROBOT_FILES := $(wildcard config/retarget/*_right.yaml)
ROBOT_NAMES := $(sort $(patsubst config/retarget/%_right.yaml,%,$(ROBOT_FILES)))
ROBOT_FILE := $(if $(filter $(ROBOT),$(ROBOT_NAMES)),config/retarget/$(ROBOT)_right.yaml,$(wildcard $(filter %.yaml %.yml,$(ROBOT))))
ifeq ($(ROBOT_FILE),)
$(error ROBOT is '$(ROBOT)', want one of $(ROBOT_NAMES), or a file of YAML)
endif
ifndef ROS_DISTRO
ROBOT_ENGINE := $(if $(shell grep -ls '^retargeting:' '$(ROBOT_FILE)'),$(VENV)/retarget.stamp)
endif
endif

# What the extra [retarget] of pyproject.toml pins.
RETARGET_PINS = $(shell sed -nE 's/^retarget = \[(.*)\]$$/\1/p' pyproject.toml | tr -d '",')

$(VENV)/retarget.stamp: $(ENVIRONMENT) pyproject.toml
	@echo "environment: the engine of robots' hands, $(RETARGET_PINS)"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check -q -c requirements/constraints.txt $(RETARGET_PINS) || \
	  { echo "demo: $(RETARGET_PINS) could not be installed, which ROBOT=$(ROBOT) needs;" \
	    "without it: ROBOT=$(patsubst config/retarget/%_right.yaml,%,$(shell grep -L '^retargeting:' $(ROBOT_FILES)))" >&2; exit 2; }
	@touch $@

demo: build $(ROBOT_ENGINE)  ## the whole chain on a synthetic hand; ROBOT=allegro: a robot's hand follows; FRAMES=<PNGs> INTRINSICS=fx,fy,cx,cy DEPTH_UNIT= SIDE= RATE= HANDS=2 plays a recording
	@$(IN_ENVIRONMENT) python3 -m hand_pose_ros.nodes.demo --output demo $(DEMO_OPTIONS)

clean:  ## remove what was built; the environment stays
	rm -rf build install log demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean  ## remove the environment too
	rm -rf $(VENV) *.egg-info
