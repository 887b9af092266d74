"""Make up night streets in infrared and in colour, for demonstrations, and for users who have no data.

People and running cars are warm, so infrared shows them everywhere. The visible camera shows texture, paint and colour,
but only in the light of street lamps, windows and headlights. Both pictures come from the same
buffers (:mod:`mmdrfuse.datasets.scenes.street`), so they are registered to the pixel.
"""

import json
from dataclasses import dataclass
from functools import partial
from math import copysign
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mmdrfuse import images
from mmdrfuse.datasets.scenes import actors
from mmdrfuse.datasets.scenes.street import CROSSING, ROAD, Buffers, Camera, Colour, FloatArray, Noise, empty_street
from mmdrfuse.detection.labels import PERSON
from mmdrfuse.errors import SizeError
from mmdrfuse.system.atomic import writing

Box = tuple[int, int, int, int]

MIN_SCENE = 64
"""Pixels on the shorter side of the smallest scene; nothing could be recognised in a smaller one."""
_LAMP_COLOURS: tuple[Colour, ...] = ((1.0, 0.66, 0.32), (1.0, 0.80, 0.56), (0.92, 0.96, 1.0))
_MIN_UNHIDDEN = 0.4  # share of a person that must be in view for its box to be listed


@dataclass(frozen=True)
class Scene:
    """A registered pair of pictures, and the boxes of the people in it.

    Args:
        infrared: Thermal picture, uint8, (H, W).
        visible: Colour picture, uint8, (H, W, 3).
        boxes: x0, y0, x1, y1 of each person who is not mostly hidden; x1 and y1 are excluded.
    """

    infrared: npt.NDArray[np.uint8]
    visible: npt.NDArray[np.uint8]
    boxes: list[Box]


@dataclass(frozen=True)
class _Light:
    """A street lamp (shines down), or the headlights of a car (shine along the road)."""

    x: float
    y: float
    z: float
    colour: Colour
    beam: int = 0  # 0 downwards, -1 towards the camera, 1 away from it


def scene(seed: int, *, height: int = 480, width: int = 640) -> Scene:
    """Return the night street of a seed; the same seed and size make the same pictures.

    Args:
        seed: Seed of the houses, cars and people.
        height: Rows of the pictures, at least 64.
        width: Columns of the pictures, at least 64.

    Returns:
        The two pictures and the people's boxes.

    Raises:
        SizeError: The pictures would be too small.
    """
    if min(height, width) < MIN_SCENE:
        raise SizeError(f"a scene of {width}x{height} pixels is too small: use at least {MIN_SCENE} on either side")
    rng = np.random.default_rng(seed)
    camera = Camera(
        height,
        width,
        focal=0.62 * float(np.hypot(height, width)),
        centre=width * rng.uniform(0.42, 0.58),
        horizon=height * rng.uniform(0.32, 0.40),
        eye=rng.uniform(2.6, 3.3),
    )
    noise = Noise.of(rng)
    buffers = empty_street(camera, noise, rng)
    lights, people = _populate(buffers, camera, noise, rng)
    seen = [box for owner, (box, whole) in people.items() if _pixels(buffers, owner, box) > _MIN_UNHIDDEN * whole]
    return Scene(_infrared(buffers, rng), _visible(buffers, lights, rng), seen)


def from_beside(infrared: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what a second camera beside the first sees of a scene's infrared: less of it, a little turned.

    Args:
        infrared: H×W.

    Returns:
        Four fifths of the height and three quarters of the width, in pixels.
    """
    height, width = infrared.shape
    size = height * 4 // 5, width * 3 // 4
    offset = np.array([0.03 * height, -0.02 * width])
    turn = np.deg2rad(1.5)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    middle = (np.array(infrared.shape) - 1) / 2 + offset
    start = middle - rotation @ ((np.array(size) - 1) / 2)
    seen = ndimage.affine_transform(infrared, rotation, start, size, order=1, mode="nearest")
    return np.asarray(seen, np.uint8)


def write_scenes(
    folder: str | Path, count: int, seed: int, *, height: int = 480, width: int = 640, aligned: bool = True
) -> list[Path]:
    """Write scenes as ``ir/`` and ``vi/`` pairs of PNG files, and the people's boxes as ``boxes.json``.

    `mmdrfuse.datasets.labels` reads the boxes. They are on the visible pictures.

    Args:
        folder: The folder to write to; it is made if missing. Scenes of the same number are replaced.
        count: Number of scenes.
        seed: Seed of the first scene; scene n, from 0, has the seed ``seed + n``.
        height: Rows of the pictures.
        width: Columns of the pictures.
        aligned: Whether both cameras have one view; otherwise the infrared is `from_beside`.

    Returns:
        The infrared files.
    """
    folder = Path(folder)
    boxes: dict[str, dict[str, Any]] = {}
    written = []
    for number in range(count):
        name = f"street_{number:04d}"
        made = scene(seed + number, height=height, width=width)
        written.append(folder / "ir" / f"{name}.png")
        images.write(written[-1], made.infrared if aligned else from_beside(made.infrared))
        images.write(folder / "vi" / f"{name}.png", made.visible)
        boxes[name] = {
            "width": width, "height": height, "boxes": made.boxes, "classes": [PERSON] * len(made.boxes)
        }  # fmt: skip
    with writing(folder / "boxes.json") as temporary:
        temporary.write_text(json.dumps({"pictures": boxes}, indent=1) + "\n", encoding="utf-8")
    return written


def _populate(
    buffers: Buffers, camera: Camera, noise: Noise, rng: np.random.Generator
) -> tuple[list[_Light], dict[int, tuple[Box, int]]]:
    """Put lamps, trees, cars and people into the street, from far to near.

    Returns:
        The lights; and number of a person → the box, and the pixels that the person covers before others hide it.
    """
    colour = np.array(_LAMP_COLOURS[rng.integers(len(_LAMP_COLOURS))])
    lights: list[_Light] = []
    painters: list[tuple[float, partial[Any]]] = []
    first = rng.uniform(9, 22)
    for number, z in enumerate(np.arange(first, 90, 17.0).tolist()):
        x = (ROAD + 0.5) * (-1) ** number
        power = 0.0 if rng.random() < 0.15 else rng.uniform(0.7, 1.2)
        light = _colour(colour * 14 * power)
        painters.append((z, partial(actors.lamp, buffers, camera, x=x, z=z, light=light)))
        lights.append(_Light(x - copysign(1, x), actors.LAMP_HEIGHT, z, _colour(colour * 17 * power)))
    for z in rng.uniform(11, 60, 5).tolist():
        x = (ROAD + 0.9) * (-1) ** int(rng.integers(2))
        painters.append((z, partial(actors.tree, buffers, camera, noise, rng, x=x, z=z)))
    for z in (6 + np.cumsum(rng.uniform(6.5, 14, 4))).tolist():
        oncoming, driven = bool(rng.random() < 0.5), rng.random() < 0.6
        x = (1.9 if driven else 2.7) * (-1 if oncoming else 1)
        warm = rng.uniform(0.7, 1) if driven else rng.uniform(0, 0.25)
        painters.append((z, partial(actors.car, buffers, camera, rng, x=x, z=z, oncoming=oncoming, warm=warm)))
        if driven:
            beam = -1 if oncoming else 1
            lights.append(_Light(x, 0.66, z if oncoming else z + 4.2, (2.6, 2.5, 2.2), beam))
    walkers = rng.integers(4, 9)
    for owner in range(1, walkers + 1):
        crossing = owner <= 2
        z = rng.uniform(*CROSSING) if crossing else rng.uniform(8, 30)
        x = rng.uniform(-3.4, 3.4) if crossing else rng.uniform(ROAD + 0.3, 7.0) * (-1) ** int(rng.integers(2))
        painters.append((z, partial(actors.person, buffers, camera, noise, rng, x=x, z=z, owner=owner)))
    people: dict[int, tuple[Box, int]] = {}
    for _, paint in sorted(painters, key=lambda entry: -entry[0]):
        box = paint()
        if box is not None:
            owner = int(paint.keywords["owner"])
            people[owner] = box, _pixels(buffers, owner, box)
    return lights, people


def _pixels(buffers: Buffers, owner: int, box: Box) -> int:
    """Return the number of a person's pixels that are in view now."""
    x0, y0, x1, y1 = box
    return int(np.count_nonzero(buffers.owner[y0:y1, x0:x1] == owner))


def _visible(buffers: Buffers, lights: list[_Light], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Render the visible picture: the lit street, blooming lights, and the noise of a small sensor."""
    light = np.full_like(buffers.albedo, (0.010, 0.012, 0.018))  # the light of the sky
    for source in lights:
        light += _shine(buffers, source)[..., None] * np.array(source.colour, np.float32)
    radiance = buffers.albedo * light + buffers.emission
    radiance += _bloom(buffers.emission)
    seen = ndimage.gaussian_filter(radiance, (0.5, 0.5, 0), truncate=3)
    noisy = seen + rng.standard_normal(seen.shape, np.float32) * np.sqrt(0.00022 * seen + 0.000022)
    tone = 1 - np.exp(-1.7 * np.maximum(noisy, 0))
    return np.rint(255 * tone ** (1 / 2.2)).astype(np.uint8)


def _shine(buffers: Buffers, source: _Light) -> FloatArray:
    """Compute the share of a light that reaches the place of each pixel."""
    dx, dy, dz = buffers.x - source.x, source.y - buffers.y, buffers.z - source.z
    if source.beam:
        distance = np.maximum(dz * source.beam, 0)  # along the beam
        wide = 0.9 + 0.22 * distance
        fall = distance / (distance + 1.5) / (1 + (distance / 7) ** 2)
        lit: FloatArray = np.exp(-((dx / wide) ** 2) - np.maximum(-dy, 0)) * fall
        return lit
    far = dx * dx + dy * dy + dz * dz + 0.3
    below = np.maximum(dy, 0) / np.sqrt(far)
    cone: FloatArray = below * below * below / far
    return cone


def _bloom(emission: FloatArray) -> FloatArray:
    """Compute the haze around lights: a blurred picture of them, made at a quarter of the size."""
    height, width, _ = emission.shape
    small = ndimage.uniform_filter(emission, (4, 4, 1))[::4, ::4]
    haze = 0.10 * ndimage.gaussian_filter(small, (1.6, 1.6, 0)) + 0.12 * ndimage.gaussian_filter(small, (7, 7, 0))
    large = haze.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]
    return ndimage.uniform_filter(large, (4, 4, 1))


def _infrared(buffers: Buffers, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Render the infrared picture: a soft lens, haze with distance, a drifting background, column noise."""
    height, width = buffers.heat.shape
    heat = buffers.heat + (0.33 - buffers.heat) * (1 - np.exp(-buffers.z / 220)) * (buffers.heat > 0.2)
    soft = ndimage.gaussian_filter(heat, 0.9, truncate=3)
    slope = rng.uniform(-0.03, 0.03, 2)
    soft += slope[0] * np.linspace(-1, 1, width, dtype=np.float32)
    soft += slope[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    soft += 0.006 * rng.standard_normal(soft.shape, np.float32) + 0.004 * rng.standard_normal(width, np.float32)
    return np.rint(255 * np.clip(1.05 * soft - 0.03, 0, 1)).astype(np.uint8)


def _colour(values: npt.NDArray[np.float64]) -> Colour:
    """Return three numbers as a colour."""
    red, green, blue = (float(value) for value in values)
    return red, green, blue
