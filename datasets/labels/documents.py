"""Labels in one JSON file: COCO's, and those of made-up scenes (``boxes.json``)."""

import json
from collections import defaultdict
from typing import Any

from mmdrfuse.datasets.labels.parsed import LabelledBox, Parsed, ParsedPicture, from_corner, number, side
from mmdrfuse.errors import reason


def parse(content: bytes) -> Parsed:
    """Parse one file.

    Raises:
        ValueError: It is no JSON, or neither of the two.
    """
    document = json.loads(content)
    if isinstance(document, dict) and isinstance(document.get("pictures"), dict):
        return _scenes(document["pictures"])
    if isinstance(document, dict) and {"images", "annotations", "categories"} <= document.keys():
        return _coco(document)
    raise ValueError("has neither images, annotations and categories, as COCO's labels, nor pictures with boxes")


def _scenes(pictures: dict[str, Any]) -> Parsed:
    parsed = []
    for name, entry in pictures.items():
        boxes = zip(entry["classes"], entry["boxes"], strict=True)
        objects = [LabelledBox(str(kind), _corners(box)) for kind, box in boxes]
        parsed.append(ParsedPicture(name, (side(entry.get("width")), side(entry.get("height"))), objects))
    return Parsed("boxes.json", parsed)


def _corners(box: Any) -> tuple[float, float, float, float]:  # noqa: ANN401 - whatever the file holds
    x0, y0, x1, y1 = box
    return number(x0), number(y0), number(x1), number(y1)


def _coco(document: dict[str, Any]) -> Parsed:
    """Parse COCO's labels; entries that cannot be used are failures, and the others stay."""
    _require(document["categories"], "categories", "id", "name")
    _require(document["images"], "images", "id", "file_name")
    names = {entry["id"]: str(entry["name"]) for entry in document["categories"]}
    pictures = {}
    for entry in document["images"]:
        size = side(entry.get("width")), side(entry.get("height"))
        pictures[entry["id"]] = ParsedPicture(str(entry["file_name"]), size, [], str(entry["id"]))
    failures: defaultdict[str, list[Any]] = defaultdict(list)
    for count, entry in enumerate(document["annotations"], 1):
        try:
            image, category, box = entry["image_id"], entry["category_id"], entry["bbox"]
            if image not in pictures or category not in names:
                raise ValueError(f"is of image {image!r:.40} and category {category!r:.40}, not both of which exist")
            if len(box) != 4:
                raise ValueError(f"its bbox has {len(box)} values, not x, y, width and height")
            pictures[image].objects.append(LabelledBox(names[category], from_corner(*box), _is_ignored(entry)))
        except (KeyError, TypeError, ValueError) as error:
            failures[reason(error)].append(entry.get("id", count) if isinstance(entry, dict) else count)
    lines = [f"annotation {', '.join(map(str, ids[:3]))} ({len(ids)} in all): {why}" for why, ids in failures.items()]
    return Parsed("COCO", list(pictures.values()), tuple(names[key] for key in sorted(names)), lines, names)


def _require(entries: Any, place: str, *keys: str) -> None:  # noqa: ANN401 - whatever the file holds
    """Check that each entry of a list has some keys.

    Raises:
        ValueError: One has not.
    """
    for count, entry in enumerate(entries):
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            raise ValueError(f"{place}[{count}] has no {missing[0]}")


def _is_ignored(entry: dict[str, Any]) -> bool:
    return bool(entry.get("iscrowd") or entry.get("ignore"))
