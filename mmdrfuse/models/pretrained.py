"""Weights as a folder in the layout of the Hugging Face hub: ``model.safetensors`` with a ``README.md`` beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdrfuse.models.checkpoints import FOLDER_FILE, Checkpoint, write
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable, writing

if TYPE_CHECKING:
    from mmdrfuse.models.student import Student
    from mmdrfuse.models.teacher import Teacher


def from_pretrained(folder: str | Path) -> "Student | Teacher":
    """Load a network from a folder in the layout of the Hugging Face hub, as `mmdrfuse.models.load` does.

    Args:
        folder: It holds ``model.safetensors``. A shipped name or a file works, too.

    Raises:
        UnknownNameError: It is neither a shipped name nor an existing file or folder.
        WeightsError: There is no checkpoint of the student or teacher.
    """
    from mmdrfuse.models import load

    return load(folder)


def save_pretrained(folder: Path, checkpoint: Checkpoint, *, overwrite: bool = False) -> None:
    """Write ``model.safetensors`` and ``README.md`` into a folder.

    Args:
        folder: It is made if it is missing.
        checkpoint: The weights.
        overwrite: Whether existing files may be replaced.

    Raises:
        OutputError: One of the files exists and may not be replaced, or cannot be written.
    """
    page, weights = folder / "README.md", folder / FOLDER_FILE
    for path in (page, weights):
        refuse_existing(path, overwrite=overwrite)
        refuse_unwritable(path)
    with writing(page, overwrite=overwrite) as temporary:
        temporary.write_text(model_card(checkpoint), encoding="utf-8", errors="replace")
    write(weights, checkpoint.arrays, checkpoint.card)


def model_card(checkpoint: Checkpoint) -> str:
    """Return the model card as Markdown, with what the hub reads (licence, data, metrics) in YAML before it."""
    import yaml

    card = checkpoint.card
    licences = checkpoint.licences
    matter: dict[str, Any] = {
        "library_name": "mmdrfuse",
        "pipeline_tag": "image-to-image",
        "tags": ["image-fusion", "infrared", "visible"],
        "datasets": sorted(map(str, licences)),
        "metrics": sorted({metric for scores in _scores(card).values() for metric in scores}),
    }
    # The hub knows licences by name. Those of data sets are in words, so they are "other" there and stand below.
    if licences:
        matter |= {"license": "other", "license_name": "see-below"}
    elif card.get("licences") == {}:  # made-up scenes alone; where nothing is stated, the hub shall not say more
        matter |= {"license": "mit"}
    front = yaml.safe_dump({key: value for key, value in matter.items() if value}, sort_keys=True)
    return f"---\n{front}---\n\n{_body(checkpoint)}"


def _body(checkpoint: Checkpoint) -> str:
    card = checkpoint.card
    lines = [f"# {card.get('title') or checkpoint.name}", ""]
    lines += [f"- range: `{card.get('range') or 'clip'}`", f"- light: {card.get('light') or 'not stated'}"]
    lines += [f"- data: {name}; licence: {licence}" for name, licence in sorted(checkpoint.licences.items())]
    lines += ["", "```python", "from mmdrfuse import models", ""]
    lines += ['network = models.from_pretrained("this-folder")', "```"]
    for data, scores in _scores(card).items():
        row = ", ".join(f"{metric} {value:.4g}" for metric, value in scores.items())
        lines += ["", f"Scores on {data}, protocol `cddfuse`: {row}."]
    return "\n".join(lines) + "\n"


def _scores(card: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return data → metric → mean score under the protocol ``cddfuse``; a foreign card may hold anything else."""
    scores = card.get("scores")
    found = scores.items() if isinstance(scores, dict) else ()
    rows = {str(data): row.get("cddfuse") for data, row in found if isinstance(row, dict)}
    return {
        data: {str(metric): value for metric, value in row.items() if isinstance(value, int | float)}
        for data, row in rows.items()
        if isinstance(row, dict)
    }
