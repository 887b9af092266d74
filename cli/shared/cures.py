"""The cures of errors, in the words of the command line."""

import click

from mmdrfuse.errors import MMDRFuseError

FLAGS = {
    "anew": ("--overwrite", "start over with --overwrite"),
    "classes": ("--classes", "name them with --classes, in the detector's order"),
    "compile": ("--compile", "train without --compile"),
    "depth": ("--depth", "add --depth 8"),
    "device": ("--device", "try --device cpu"),
    "each": ("--each", "find one matrix for each pair with --each"),
    "engine": ("--engine", "use --engine torch"),
    "features": ("--features", "choose --features efficientnet-lite0 or none, or name their --features-file"),
    "goals": ("--goals", "name the folders as the goals do, or give other --goals"),
    "hold_out": ("--hold-out", "leave whole pairs out with --hold-out"),
    "infrared_range": ("--ir-range", "say which values are black and white, such as --ir-range 280..320"),
    "labels": ("--labels", "name their file or folder with --labels"),
    "layout": ("--layout", "choose a --layout, or name the two folders after their sides (ir, vi)"),
    "overwrite": ("--overwrite", "choose another name, or replace it with --overwrite"),
    "page": ("--page", "choose one with --page"),
    "rate": ("--rate", "start over with a lower --rate"),
    "patch": ("--patch", "cut larger patches with --patch"),
    "registered": ("--rig", "resize or crop one of them, or find the cameras' --rig with  mmdrfuse align"),
    "registration": ("--view", "give more pairs, search another --view, or mark --points by hand"),
    "resume": ("--resume", "go on with --resume, or start over with --overwrite"),
    "rig": ("--rig", "name it with --rig or --transform"),
    "size_policy": (
        "--size-policy",
        "if they show the same scene edge to edge, --size-policy fit-ir resizes the infrared to the visible, fit-vis "
        "the visible to the infrared, and crop-common cuts both about their centres; if their views differ, find their "
        "--rig with  mmdrfuse align",
    ),
    "sources": ("--ir", "give --ir DIR and --vis DIR"),
    "split": ("--split", "give shares such as --split 8:1:1, or a table of names and splits"),
    "teacher": ("--teacher", "train one with  mmdrfuse teach PATCHES.h5 -o RUN  and name its weights with --teacher"),
    "validation": ("--validation", "give --validation between 0 and 1"),
    "workers": ("--workers", "try fewer --workers"),
}
"""For each name in `mmdrfuse.errors.CURES`: the option that the command must have, and the advice."""

_WITHOUT_OPTION = {
    "overwrite": "choose another name",
    "page": "save the page or slice that you want as a separate file",
    "size_policy": "give pictures of one size",
    "patch": "cut larger patches with  mmdrfuse prepare --patch",
}
"""The advice if the command has no such option."""


def message_with_cure(error: MMDRFuseError) -> str:
    """Return an error's message, and the cure that the current command offers."""
    if error.cure is None:
        return error.message
    flag, words = FLAGS[error.cure]
    context = click.get_current_context(silent=True)
    options = [option for param in context.command.params for option in param.opts] if context else []
    if flag not in options:
        words = _WITHOUT_OPTION.get(error.cure, "")
    return f"{error.message}; {words}" if words else error.message
