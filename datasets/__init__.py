"""Turn folders of pictures into patches: layouts of public sets, pairing by name, checks, and made-up scenes.

A module is imported when one of its names is first used, so that h5py and SciPy load only if they are needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdrfuse.datasets.checks.check import CheckReport, check
    from mmdrfuse.datasets.patches.file import PatchFile
    from mmdrfuse.datasets.patches.prepare import PrepareReport, prepare
    from mmdrfuse.datasets.patches.sample import Sample, group_names, sample_groups
    from mmdrfuse.datasets.scenes.synthetic import Scene, scene, write_scenes
    from mmdrfuse.datasets.sets.keys import pair_key
    from mmdrfuse.datasets.sets.layouts import LAYOUTS, Layout, find_pairs
    from mmdrfuse.datasets.sets.pairing import Pairing, pair_folders

__all__ = [
    "LAYOUTS",
    "CheckReport",
    "Layout",
    "Pairing",
    "PatchFile",
    "PrepareReport",
    "Sample",
    "Scene",
    "check",
    "find_pairs",
    "group_names",
    "pair_folders",
    "pair_key",
    "prepare",
    "sample_groups",
    "scene",
    "write_scenes",
]

_MODULES = {
    "checks.check": ("CheckReport", "check"),
    "patches.sample": ("Sample", "sample_groups", "group_names"),
    "sets.layouts": ("LAYOUTS", "Layout", "find_pairs"),
    "sets.keys": ("pair_key",),
    "sets.pairing": ("Pairing", "pair_folders"),
    "patches.file": ("PatchFile",),
    "patches.prepare": ("PrepareReport", "prepare"),
    "scenes.synthetic": ("Scene", "scene", "write_scenes"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"mmdrfuse.datasets.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
