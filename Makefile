NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11; do $$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done),python3)
BIN := .venv/bin
DATA := ../shared/data

.PHONY: help demo test test-fast fuzz lint types bench bench-export bench-fuse bench-kits bench-video bench-training bench-geometry bench-align bench-align-medical bench-patches bench-cluster bench-memory scores detection detection-head sheets vifb weights ablation check

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16
demo: $(BIN)/.ready ## fuse and score made-up scenes with the shipped weights, into demo-out/
	$(BIN)/mmdrfuse demo demo-out --overwrite
test: $(BIN)/.ready ## run every test
	$(BIN)/python -m pytest
test-fast: $(BIN)/.ready ## run what takes no second a test, for the inner loop: less than a minute
	MMDRFUSE_FUZZ=3 $(BIN)/python -m pytest -q -m 'not slow'
fuzz: $(BIN)/.ready ## try 2000 damaged files of each kind, some minutes
	MMDRFUSE_FUZZ=2000 $(BIN)/python -m pytest tests/fuzz
lint: $(BIN)/.ready ## style and format
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
types: $(BIN)/.ready ## mypy, strict, with cli/ and datasets/ under the names that they install as
	rm -rf build/types && mkdir -p build/types/mmdrfuse && ln -s $(CURDIR)/mmdrfuse/* $(CURDIR)/datasets $(CURDIR)/cli build/types/mmdrfuse/
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p mmdrfuse
bench: $(BIN)/.ready ## time the engine against torch and the BLAS, and every metric against a plain version
	$(BIN)/python benchmarks/engine.py && $(BIN)/python benchmarks/metrics.py
bench-export: $(BIN)/.ready ## compare the exports with the engine: size, levels, time
	$(BIN)/python benchmarks/export.py
bench-fuse: $(BIN)/.ready ## time fusing whole folders against the published flow, and where the time goes (../shared)
	$(BIN)/python benchmarks/fuse.py
bench-kits: $(BIN)/.ready ## time the usual scores beside the field's own Python kits
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/kits.py
bench-video: $(BIN)/.ready ## time the fusion of two videos against their codecs alone
	$(BIN)/python benchmarks/video.py
bench-training: $(BIN)/.ready ## time a training step against the published flow, and what caching the frozen networks saves
	$(BIN)/python benchmarks/training.py
bench-geometry: $(BIN)/.ready ## time warping and resizing against another library
	$(BIN)/python benchmarks/geometry.py
bench-align: $(BIN)/.ready ## measure how well two cameras are aligned, half an hour on one core (../shared)
	$(BIN)/python benchmarks/align.py
bench-align-medical: $(BIN)/.ready ## measure how well slices of CT, PET and SPECT are aligned with MRI, ten minutes (../shared)
	$(BIN)/python benchmarks/align_medical.py
bench-patches: $(BIN)/.ready ## time the cutting and reading of patches, and compare compressors (../shared)
	$(BIN)/python benchmarks/patches.py
bench-cluster: $(BIN)/.ready ## measure what a cluster costs for each pair, and a manifest of a million lines, ten minutes
	$(BIN)/python benchmarks/cluster.py
bench-memory: $(BIN)/.ready ## measure the memory of fuse and eval for each pair besides its pictures, twenty minutes
	$(BIN)/python benchmarks/memory.py --pairs 200000
scores: $(BIN)/.ready ## score ours, the released networks and fusions without a network on real pairs (../shared)
	$(BIN)/python benchmarks/scores.py
detection: $(BIN)/.ready ## let detectors find people in fused pictures, and put it into the cards, minutes (../shared)
	$(BIN)/python benchmarks/detection.py --json benchmarks/results/detection.json && $(BIN)/python benchmarks/ship.py --detection && $(BIN)/python docs/make.py
detection-head: $(BIN)/.ready ## train a small detector on each method's pictures, half an hour on one core (../shared)
	$(BIN)/python benchmarks/detection_head.py
sheets: $(BIN)/.ready ## write sheets of fused pictures to look at into runs/sheets/ (../shared)
	$(BIN)/python benchmarks/sheets.py
vifb: $(BIN)/.ready ## print VIFB's published values beside ours (../shared)
	$(BIN)/python benchmarks/vifb.py
weights: $(BIN)/.ready ## train the shipped weights again, an hour on one core (../shared); SEEDS=3 prints spreads instead
	$(BIN)/python benchmarks/weights.py $(if $(SEEDS),--seeds $(SEEDS))
ablation: $(BIN)/.ready ## print what each supervision earns; TO=FILE.json trains again (../shared), best with DEVICE=cuda
	$(if $(TO),$(BIN)/mmdrfuse prepare $(DATA)/LLVIP $(DATA)/RoadScene runs/ablation.h5 --hold-out 3 --overwrite)
	$(BIN)/python benchmarks/ablation.py $(if $(TO),runs/ablation.h5 --device $(or $(DEVICE),cpu)) --json $(or $(TO),benchmarks/results/ablation.json)
docs: demo ## write the generated parts of the docs again
	$(BIN)/python docs/make.py --demo demo-out
check: lint types test ## what CI runs

$(BIN)/.ready: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo 'mmdrfuse needs Python 3.11 or later: install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]' && touch $@
