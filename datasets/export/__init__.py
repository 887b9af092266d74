"""Fuse a labelled set by several methods, and write it as trainers of detectors read it.

`plan` chooses the pairs with labels and their split, `methods` says how each method fuses, `formats` writes the labels,
and `run` does it all.

::

    options = ExportOptions(methods=("auto", "infrared", "visible"), split="8:1:1")
    exported = export(Path("LLVIP"), Path("detector-set"), options, workers=4)
"""

from mmdrfuse.datasets.export.options import ExportOptions
from mmdrfuse.datasets.export.run import export

__all__ = ["ExportOptions", "export"]
