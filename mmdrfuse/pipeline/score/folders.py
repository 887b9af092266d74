"""Evaluate folders of fused pictures in one call: from folders to a table of scores."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from json import JSONEncoder
from pathlib import Path
from typing import Any

from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.errors import InputError, ManifestError, MMDRFuseError
from mmdrfuse.metrics import find_metric, find_protocol, names
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.entries import Entries
from mmdrfuse.pipeline.score.candidates import Folders, list_candidates, named_folders, provenance
from mmdrfuse.pipeline.score.rows import Rows
from mmdrfuse.pipeline.score.score import Candidate, score_candidates, smallest_side
from mmdrfuse.pipeline.score.summary import Scores, Streamed, plain
from mmdrfuse.system.lazy import Mapped
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers

USUAL = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""The default metrics; a protocol may have only some of them."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of an evaluation, with its failures and warnings."""

    scores: Scores
    """By method, picture and metric, with their means, intervals, ranks and tests."""
    failures: tuple[MMDRFuseError, ...] = ()
    """The errors of the pictures that could not be scored."""
    warnings: tuple[str, ...] = ()
    """Reasons for caution with the scores, such as folders that were made with different ranges."""
    made: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """How the pictures of each method were made, where its manifest says so: method → ``range`` and ``weights``."""
    candidates: Sequence[Candidate] = ()
    """What was to be scored: each picture with its sources."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """The folder of each method that has one."""

    @property
    def count(self) -> int:
        """Return the number of pictures that have scores."""
        return sum(map(len, self.scores.methods.values()))

    def document(self, *, compare: bool = False, images: Callable[[Rows], dict[str, Any]] = plain) -> dict[str, Any]:
        """Return everything as plain objects for JSON.

        Args:
            compare: Add the tests between methods: Wilcoxon's with Holm's correction, the effect, and Friedman's.
            images: As in `Scores.document`.
        """
        return {
            **self.scores.document(compare=compare, images=images),
            "failures": [failure.message for failure in self.failures],
            "warnings": list(self.warnings),
            "made": {method: dict(how) for method, how in self.made.items()},
        }

    def json(self, *, compare: bool = False) -> Iterator[str]:
        """Yield the text of `document` in parts, so that a million pictures need no more memory than their scores."""
        encoder = JSONEncoder(indent=1, allow_nan=False)
        yield from encoder.iterencode(self.document(compare=compare, images=Streamed))
        yield "\n"


def evaluate_folders(
    folders: Folders,
    pairs: Sequence[Pair] | None = None,
    *,
    baselines: Sequence[str] = (),
    metrics: str | Iterable[str] | None = None,
    protocol: str = "standard",
    key: Callable[[str], str] = str,
    labels: Labels | None = None,
    workers: Workers | None = 1,
    progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], None] | None = None,
) -> Evaluation:
    """Score the fused pictures in folders, one row a folder, against their sources.

    A picture that cannot be scored becomes a failure in the result; the others are scored.

    Args:
        folders: Folders of fused pictures; a mapping names their rows, else each is named after its folder.
        pairs: The sources, such as ``mmdrfuse.datasets.pair_folders(infrared, visible).pairs``. None takes them from
            the manifest that `mmdrfuse fuse` leaves in each folder.
        baselines: Names of fusions without a network, computed while they are scored, or ``infrared`` and
            ``visible`` for the sources themselves; each becomes a row.
        metrics: Names in any spelling, one name, or ``"all"`` of the protocol's. None takes `USUAL`.
        protocol: Under whose convention.
        key: Reduces the stem of a fused picture to what it has in common with its pair's name, for pictures that
            are not called like a source, such as `mmdrfuse.datasets.pair_key`.
        labels: Labelled boxes, such as from ``mmdrfuse.datasets.labels.read``: the targets of TBC. None takes what is
            hot in the infrared.
        workers: Processes; None for as many as shorten the run, or any executor of `concurrent.futures`.
        progress: Shows the progress.
        on_failure: Called with each failure at once.

    Raises:
        InputError: There is nothing to score, or the labels are of other pictures.
        UnknownNameError: No such metric, protocol or baseline.
        MMDRFuseError: The protocol does not have the metric, or no worker process can be started.
    """
    scheme, chosen = choose_metrics(metrics, protocol)
    methods = named_folders(folders, baselines)
    listed = list_candidates(methods, pairs, baselines=baselines, key=key)
    candidates = _labelled(listed.candidates, labels) if labels else listed.candidates
    run = Run(Scores(scheme, chosen), on_failure)
    for failure in listed.failures:
        run.fail(failure)
    made = _provenance(methods, listed.candidates.entries())
    with progress("scoring", len(candidates)) as advance:
        for candidate, result in score_candidates(candidates, metrics=chosen, protocol=scheme, workers=workers):
            run.add(candidate, result)
            advance(f"{candidate.method} {candidate.pair.name}")
    warnings = (*listed.warnings, *run.undefined(), *_different(made), *run.partly_seen(), *run.without_targets())
    return Evaluation(run.scores, tuple(run.failures), warnings, made, listed.candidates, methods)


def _labelled(candidates: Sequence[Candidate], labels: Labels) -> Sequence[Candidate]:
    """Return the pictures with the boxes that labels have for them; none of them keeps what is hot as its target."""
    matched, _ = labels.matched(one.pair.name for one in candidates)
    nothing = LabelledPicture.of([], [])
    return Mapped(lambda one: replace(one, labelled=matched.get(one.pair.name, nothing)), candidates)


def choose_metrics(metrics: str | Iterable[str] | None, protocol: str) -> tuple[str, tuple[str, ...]]:
    """Return a protocol and metrics in the spelling of their tables.

    Args:
        metrics: Names in any spelling, one name, ``"all"``, or None for those of `USUAL` that the protocol has.
        protocol: Under whose convention.

    Raises:
        InputError: There is no metric among them.
        UnknownNameError: No such metric or protocol.
        MMDRFuseError: The protocol does not have the metric.
    """
    scheme = find_protocol(protocol)
    available = names(scheme.name)
    if metrics == "all":
        return scheme.name, available
    if metrics is None:
        chosen = [name for name in USUAL if name in available]
    else:
        listed = [metrics] if isinstance(metrics, str) else metrics
        chosen = [find_metric(name.strip(), scheme).name for name in listed if name.strip()]
    if not chosen:
        raise InputError(f"no metric is chosen; {scheme.name} has {', '.join(available)}")
    return scheme.name, tuple(dict.fromkeys(chosen))


class Run:
    """The scores, failures and warnings so far."""

    def __init__(self, scores: Scores, on_failure: Callable[[MMDRFuseError], None] | None) -> None:
        self.scores = scores
        self.failures: list[MMDRFuseError] = []
        self._too_small: Counter[str] = Counter()
        self._partly_seen: set[str] = set()
        self._without_targets: set[str] = set()
        self._on_failure = on_failure

    def add(self, candidate: Candidate, result: dict[str, float] | MMDRFuseError) -> None:
        """Add one picture's scores, or its failure."""
        preparation = candidate.pair.preparation
        if preparation.transform and preparation.outside != "crop":
            self._partly_seen.add(candidate.method)
        if candidate.labelled is not None and candidate.labelled.ignored.all():
            self._without_targets.add(candidate.pair.name)
        if isinstance(result, MMDRFuseError):
            self.fail(result)
            return
        try:
            self.scores.add(candidate.method, candidate.pair.name, result)
        except InputError as error:
            self.fail(error)
            return
        self._too_small.update(metric for metric in self.scores.metrics if metric not in result)

    def fail(self, error: MMDRFuseError) -> None:
        """Add a failure, and pass it to `on_failure`."""
        self.failures.append(error)
        if self._on_failure:
            self._on_failure(error)

    def partly_seen(self) -> Iterable[str]:
        """Yield a warning with the methods whose pictures are scored only where both cameras see."""
        if self._partly_seen:
            methods = ", ".join(sorted(self._partly_seen))
            yield f"{methods}: scored only where both cameras see, as the infrared was transformed"

    def without_targets(self) -> Iterable[str]:
        """Yield a warning if the contrast of targets is wanted and labels have no box for some pictures."""
        if self._without_targets and "TBC" in self.scores.metrics:
            count = _pictures(len(self._without_targets))
            yield f"TBC: is 0 for {count} without a labelled box, which moves the means towards 0"

    def undefined(self) -> Iterable[str]:
        """Yield a warning for each metric that has no value for some pictures, with the reason."""
        for metric in self.scores.metrics:
            small = self._too_small[metric]
            if small:
                side = smallest_side(metric, self.scores.protocol)
                yield f"{metric}: has no value for {_pictures(small)}: needs {side} pixels a side"
            other = self.scores.undefined(metric) - small
            if other:
                yield f"{metric}: has no value for {_pictures(other)}: is not defined for their pixels"


def _provenance(methods: Mapping[str, Path], entries: Mapping[str, Entries]) -> dict[str, dict[str, list[str]]]:
    made = {}
    for method, folder in methods.items():
        with suppress(ManifestError):  # pictures matched by name need none
            made[method] = provenance(entries[method] if method in entries else Entries(folder))
    return made


def _different(made: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterable[str]:
    """Yield a warning for ranges and weights that differ between the folders."""
    for what in ("range", "weights"):
        values = {method: ", ".join(how[what]) for method, how in made.items()}
        if len(set(values.values())) > 1:
            listed = "; ".join(f"{method}: {value}" for method, value in values.items())
            yield f"the folders were made with different {what}, which alone moves scores ({listed})"


def _pictures(count: int) -> str:
    return f"{count} picture{'s' * (count > 1)}"
