"""From folders to patches: layouts of the public sets, pairing by name, checks, files of patches, made-up scenes.

Nothing heavy (h5py, SciPy) is imported before a name that needs it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdrfuse.datasets.checks.check import CheckReport, check
    from mmdrfuse.datasets.patches.file import PatchFile
    from mmdrfuse.datasets.patches.prepare import PrepareReport, prepare
    from mmdrfuse.datasets.patches.sample import Piece, gather, group_names
    from mmdrfuse.datasets.scenes.synthetic import Scene, scene, write_scenes
    from mmdrfuse.datasets.sets.layouts import LAYOUTS, Layout, find_pairs
    from mmdrfuse.datasets.sets.pairing import Pairing, pair_folders, pair_key

__all__ = [
    "LAYOUTS",
    "CheckReport",
    "Layout",
    "Pairing",
    "PatchFile",
    "Piece",
    "PrepareReport",
    "Scene",
    "check",
    "find_pairs",
    "gather",
    "group_names",
    "pair_folders",
    "pair_key",
    "prepare",
    "scene",
    "write_scenes",
]

_HOMES = {
    "checks.check": ("CheckReport", "check"),
    "patches.sample": ("Piece", "gather", "group_names"),
    "sets.layouts": ("LAYOUTS", "Layout", "find_pairs"),
    "sets.pairing": ("Pairing", "pair_folders", "pair_key"),
    "patches.file": ("PatchFile",),
    "patches.prepare": ("PrepareReport", "prepare"),
    "scenes.synthetic": ("Scene", "scene", "write_scenes"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"mmdrfuse.datasets.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
