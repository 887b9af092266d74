"""The labels of an export, in the formats that trainers read: the text of each file, by its path in a method's folder.

`files` returns them all. Coordinates are written in full, so that the labels that are read back are those that were
exported. YOLO has no ignored regions, so they are not in its labels.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import escape

from mmdrfuse.datasets.export.plan import Example, Plan

_YOLO_NOTE = """\
# For YOLOv5 and YOLOv7 add a line  path: /the/absolute/path/of/this/folder
# Ultralytics finds the pictures by the absolute path of this file.
"""


def files(plan: Plan, formats: Sequence[str], examples: Sequence[Example], suffix: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file of labels that does not depend on the method.

    Args:
        plan: Of the export.
        formats: Some of ``yolo``, ``coco`` and ``voc``.
        examples: Those that were fused.
        suffix: Ending of the pictures.
    """
    classes = plan.labels.classes
    if "yolo" in formats:
        for example in examples:
            yield f"labels/{example.split}/{example.name}.txt", _yolo(example)
    for split in plan.splits:
        chosen = [example for example in examples if example.split == split]
        if "coco" in formats:
            yield f"annotations/instances_{split}.json", _coco(chosen, classes, suffix)
        if "voc" in formats:
            yield f"voc/ImageSets/Main/{split}.txt", "".join(f"{example.name}\n" for example in chosen)
    if "voc" in formats:
        for example in examples:
            yield f"voc/Annotations/{example.name}.xml", _voc(example, classes, suffix)


def data_yaml(plan: Plan, *, channels: int = 3) -> str:
    """Return the ``data.yaml`` of YOLO: where the pictures are, and the names of the classes."""
    names = [f"  {number}: {json.dumps(name)}" for number, name in enumerate(plan.labels.classes)]
    splits = plan.splits
    place = {split: split for split in splits}
    fallback = "test" if "test" in splits else splits[0]
    place = {"train": place.get("train", fallback), "val": place.get("val", fallback), **place}
    lines = [f"{split}: images/{folder}" for split, folder in place.items()]
    if place["val"] != "val":
        lines.append(f"# there are no validation pictures: {place['val']} is also validation")
    if channels != 3:
        lines.append(f"channels: {channels}")
    return _YOLO_NOTE + "\n".join([*lines, f"nc: {len(names)}", "names:", *names]) + "\n"


def picture_path(example: Example, suffix: str) -> str:
    """Return the path of an example's picture in a method's folder."""
    return f"images/{example.split}/{example.name}{suffix}"


def _yolo(example: Example) -> str:
    picture = example.picture
    lines = []
    for (x0, y0, x1, y1), kind, ignored in zip(picture.boxes, picture.classes, picture.ignored, strict=True):
        if not ignored:
            width, height = _size(example)
            shares = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height
            lines.append(f"{kind} {' '.join(_number(share) for share in shares)}\n")
    return "".join(lines)


def _coco(examples: Sequence[Example], classes: Sequence[str], suffix: str) -> str:
    images = []
    annotations: list[dict[str, Any]] = []
    for number, example in enumerate(examples, 1):
        picture = example.picture
        width, height = _size(example)
        images.append({"id": number, "file_name": f"{example.name}{suffix}", "width": width, "height": height})
        for (x0, y0, x1, y1), kind, ignored in zip(picture.boxes, picture.classes, picture.ignored, strict=True):
            box = [_plain(value) for value in (x0, y0, x1 - x0, y1 - y0)]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": int(kind) + 1, "bbox": box,
                 "area": _plain((x1 - x0) * (y1 - y0)), "iscrowd": int(ignored)}
            )  # fmt: skip
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories}, indent=1) + "\n"


def _voc(example: Example, classes: Sequence[str], suffix: str) -> str:
    picture = example.picture
    width, height = _size(example)
    lines = [
        "<annotation>",
        f"  <filename>{escape(example.name + suffix)}</filename>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
    ]
    for box, kind, ignored in zip(picture.boxes, picture.classes, picture.ignored, strict=True):
        x0, y0, x1, y1 = map(_number, box)
        lines += [
            "  <object>",
            f"    <name>{escape(classes[kind])}</name>",
            f"    <difficult>{int(ignored)}</difficult>",
            f"    <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>",
            "  </object>",
        ]
    return "\n".join([*lines, "</annotation>"]) + "\n"


def _size(example: Example) -> tuple[int, int]:
    """Return width and height; they are known since the boxes were moved onto the prepared pair."""
    assert example.picture.width is not None
    assert example.picture.height is not None
    return example.picture.width, example.picture.height


def _plain(value: float) -> int | float:
    """Return whole numbers as int, because some trainers read no others."""
    return int(value) if float(value).is_integer() else float(value)


def _number(value: float) -> str:
    return repr(_plain(value))


def voc_picture(path: str) -> str:
    """Return the path of a picture in VOC's folder."""
    return f"voc/JPEGImages/{PurePosixPath(path).name}"
