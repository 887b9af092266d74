"""``mmdrfuse weights``: the shipped weights, with what they are for."""

import json
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import check_outputs, show, write_output
from mmdrfuse.cli.shared.options import Command, json_option, overwrite_option

if TYPE_CHECKING:
    from rich.table import Table

SCORES = ("SD", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""What the table shows of the scores on the cards, under the protocol ``cddfuse``."""


UNSEEN = "10 pairs that no student saw"
"""Half of the pairs in a card's detection that the table shows."""


@click.command(cls=Command, short_help="List the shipped weights: range, light, licences, scores.")
@json_option
@overwrite_option
def weights(json_: str | None, overwrite: bool) -> None:
    """List the shipped weights: what they are for, the range they were made for, and the licences of their data.

    The scores are means on pairs that no training saw, under the weights' own range and the protocol cddfuse. The last
    table says how well two detectors find people in LLVIP's pictures. The model card with everything is in each file:
    --json prints all cards.
    """
    from rich.table import Table

    from mmdrfuse import models

    check_outputs(json_, overwrite=overwrite)
    cards = {name: models.read(name).card for name in models.names()}
    if json_:
        write_output(json_, json.dumps(cards, indent=1) + "\n")
    if json_ == "-":
        return
    table = Table("weights", "what", "range", "light", "data and licence", title="shipped weights")
    scores = Table("weights", "pairs", *SCORES, title="scores on pairs held out, protocol cddfuse")
    for name, card in cards.items():
        table.add_row(name, card["title"], card["range"], card["light"] or "-", _licences(card))
        for dataset, found in card["scores"].items():
            row = found["cddfuse"]
            scores.add_row(name, dataset, *(f"{row[metric]:.4g}" if metric in row else "-" for metric in SCORES))
    show(table, scores, _detection(cards))


def _detection(cards: dict[str, dict[str, Any]]) -> "Table":
    """Return the table of how well detectors find people in pairs of LLVIP that no student saw."""
    from rich.table import Table

    found = {name: card["detection"][UNSEEN] for name, card in cards.items() if UNSEEN in card.get("detection", {})}
    columns = [(detector, tone) for detector, tones in next(iter(found.values()), {}).items() for tone in tones]
    title = f"people found by detectors in {UNSEEN}: AP50:95, AP50 in %"
    table = Table("weights", *("\n".join(column) for column in columns), title=title)
    for name, rows in found.items():
        cells = (rows[detector][tone] for detector, tone in columns)
        table.add_row(name, *(f"{100 * cell['AP']:.1f}, {100 * cell['AP50']:.1f}" for cell in cells))
    return table


def _licences(card: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {licence}" for name, licence in card["licences"].items()) or "made-up scenes: none"
