"""What to do about an error, in the words of the command line."""

import click

from mmdrfuse.errors import MMDRFuseError

FLAGS = {
    "anew": ("--overwrite", "begin anew with --overwrite"),
    "compile": ("--compile", "train without --compile"),
    "depth": ("--depth", "add --depth 8"),
    "device": ("--device", "try --device cpu"),
    "engine": ("--engine", "use --engine torch"),
    "features": ("--features", "choose --features efficientnet-lite0 or none, or name their --features-file"),
    "goals": ("--goals", "name the folders as the goals do, or give other --goals"),
    "hold_out": ("--hold-out", "leave whole pairs out with --hold-out"),
    "infrared_range": ("--ir-range", "say what is black and white, such as --ir-range 280..320"),
    "layout": ("--layout", "choose a --layout, or name the two folders after their sides (ir, vi)"),
    "overwrite": ("--overwrite", "choose another place, or allow it with --overwrite"),
    "page": ("--page", "choose one with --page"),
    "rate": ("--rate", "begin anew with a lower --rate"),
    "patch": ("--patch", "cut larger patches with --patch"),
    "resume": ("--resume", "go on with --resume, or begin anew with --overwrite"),
    "size_policy": (
        "--size-policy",
        "if they show the same scene edge to edge, --size-policy fit-ir resizes the infrared to the visible, fit-vis "
        "the visible to the infrared, and crop-common cuts both about their centres",
    ),
    "sources": ("--ir", "give --ir DIR and --vis DIR"),
    "teacher": ("--teacher", "train one with  mmdrfuse teach PATCHES.h5 -o RUN  and name its weights with --teacher"),
    "validation": ("--validation", "give --validation between 0 and 1"),
    "workers": ("--workers", "try fewer --workers"),
}
"""By the names of `mmdrfuse.errors.CURES`: the option that a command must have for it, and the words."""

_ELSEWHERE = {
    "overwrite": "choose another place",
    "page": "save the page or slice that you want as a file of its own",
    "size_policy": "give pictures of one size",
    "patch": "cut larger patches with  mmdrfuse prepare --patch",
}
"""What to say where the command has no such option."""


def explained(error: MMDRFuseError) -> str:
    """Return an error's message with its cure as the current command offers it."""
    if error.cure is None:
        return error.message
    flag, words = FLAGS[error.cure]
    context = click.get_current_context(silent=True)
    options = [option for param in context.command.params for option in param.opts] if context else []
    if flag not in options:
        words = _ELSEWHERE.get(error.cure, "")
    return f"{error.message}; {words}" if words else error.message
