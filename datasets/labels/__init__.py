"""Read labelled boxes of the usual formats: VOC, YOLO, COCO, KAIST, and those of made-up scenes.

The format is recognised by content. Each format has a module whose ``parse`` turns the bytes of one file into `Parsed`
pictures; `collect.read` finds the files, and makes `mmdrfuse.detection.labels.Labels` of all of them.
"""

from mmdrfuse.datasets.labels.collect import read

__all__ = ["read"]
