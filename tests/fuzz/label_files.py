"""The same made-up labels written as each format; 96×64 pixels, three pictures, the last without a person."""

import json

SIZE = 96, 64
BOXES = {
    "a01": [("person", (8, 4, 24, 60), False), ("car", (40, 20, 88, 60), False)],
    "a02": [("person", (0, 0, 12, 32), False), ("person", (60, 8, 96, 64), True)],
    "b01": [],
}
CLASSES = "person", "car"


def xml(objects, size=SIZE):
    entries = "".join(
        f"<object><name>{name}</name><difficult>{int(ignored)}</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1), ignored in objects
    )
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{entries}</annotation>"


def voc(folder):
    for name, objects in BOXES.items():
        (folder / f"{name}.xml").write_text(xml(objects))


def yolo(folder):
    (folder / "data.yaml").write_text("names: [person, car]\n")
    (folder / "labels").mkdir()
    for name, objects in BOXES.items():
        lines = [
            f"{CLASSES.index(kind)} {(x0 + x1) / 192} {(y0 + y1) / 128} {(x1 - x0) / 96} {(y1 - y0) / 64}\n"
            for kind, (x0, y0, x1, y1), ignored in objects
            if not ignored
        ]
        (folder / "labels" / f"{name}.txt").write_text("".join(lines))


def coco_document():
    images = [{"id": n, "file_name": f"train/{name}.jpg", "width": 96, "height": 64} for n, name in enumerate(BOXES)]
    annotations = [
        {"id": n, "image_id": n, "category_id": 7 + CLASSES.index(kind), "iscrowd": int(ignored),
         "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for n, objects in enumerate(BOXES.values())
        for kind, (x0, y0, x1, y1), ignored in objects
    ]  # fmt: skip
    categories = [{"id": 7 + n, "name": name} for n, name in enumerate(CLASSES)]
    return {"images": images, "annotations": annotations, "categories": categories}


def coco(folder):
    (folder / "instances.json").write_text(json.dumps(coco_document()))


def kaist(folder, header="% bbGt version=3\n"):
    for name, objects in BOXES.items():
        lines = [
            f"{kind} {x0} {y0} {x1 - x0} {y1 - y0}" + (f" 0 0 0 0 0 {int(ignored)} 0\n" if header else "\n")
            for kind, (x0, y0, x1, y1), ignored in objects
            if header or not ignored
        ]
        (folder / f"{name}.txt").write_text(header + "".join(lines))


def plain_kaist(folder):
    kaist(folder, header="")


def scenes(folder):
    pictures = {
        name: {
            "width": 96,
            "height": 64,
            "boxes": [box for _, box, _ in objects],
            "classes": [one[0] for one in objects],
        }
        for name, objects in BOXES.items()
    }
    for entry, objects in zip(pictures.values(), BOXES.values(), strict=True):
        chosen = [number for number, one in enumerate(objects) if not one[2]]
        entry |= {key: [entry[key][number] for number in chosen] for key in ("boxes", "classes")}
    (folder / "boxes.json").write_text(json.dumps({"pictures": pictures}))


WRITERS = {"VOC": voc, "YOLO": yolo, "COCO": coco, "KAIST": kaist, "plain KAIST": plain_kaist, "boxes.json": scenes}
WITH_IGNORED = "VOC", "COCO", "KAIST"
