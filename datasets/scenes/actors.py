"""Paint people, cars, lamps and trees into the synthetic street.

Each function paints one of them into the buffers, in front of everything there, so call them from far to near.
"""

from math import copysign
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmdrfuse.datasets.scenes.street import Buffers, Camera, Colour, FloatArray, Noise, Window

LAMP_HEIGHT = 5.4
"""Height of a street lamp's head above the ground, metres."""
_DARK: Colour = (0.05, 0.05, 0.055)


def person(
    buffers: Buffers, camera: Camera, noise: Noise, rng: np.random.Generator, *, x: float, z: float, owner: int
) -> tuple[int, int, int, int] | None:
    """Paint a walking person, and return the box around it.

    The body is a few tapered capsules: legs with knees, arms with elbows, a torso, a neck and a head. Bare skin is
    warmer than clothes.

    Returns:
        The box x0, y0, x1, y1 in pixels (the last row and column excluded), cut to the picture; None outside it.
    """
    tall = rng.uniform(1.55, 1.90)
    window = camera.window(x - 0.6, x + 0.6, 0, tall + 0.1, z)
    across, down = camera.slopes(window)
    u, v = (across * z - x) / tall, (camera.eye - down * z) / tall
    place, pixel = (across * z, camera.eye - down * z, z), z / camera.focal / tall
    coat = rng.uniform(0.03, 0.35) * rng.uniform(0.5, 1, 3)
    trousers = np.full(3, rng.uniform(0.03, 0.15))
    skin = np.array([0.55, 0.40, 0.32]) * rng.uniform(0.5, 1.1)
    colours = {"coat": coat, "trousers": trousers, "skin": skin, "hair": skin * 0.25}
    cloth = rng.uniform(0.66, 0.80)
    warmth = {"coat": cloth, "trousers": cloth - 0.04, "skin": 0.96, "hair": 0.88}
    covered = np.zeros(np.broadcast_shapes(u.shape, v.shape), bool)
    for part, start, end, thick, thin in _body(
        rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1), (-1) ** int(rng.integers(2))
    ):
        distance, radius = _capsule(u, v, start, end, thick, thin)
        cover = np.clip(0.5 - distance / pixel, 0, 1)
        covered |= cover > 0.5
        core = np.clip(-distance / radius, 0, 1)  # 0 at the outline, 1 along the middle
        folds = 0.03 * noise.smooth(u * 14 + owner * 9, v * 14)
        heat = warmth[part] * (0.86 + 0.14 * core) + folds
        tone = (colours[part] * (0.7 + 0.3 * core + 2 * folds)[..., None]).astype(np.float32)
        buffers.paint(window, cover, place, albedo=tone, heat=heat.astype(np.float32), owner=owner)
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    if not rows.size:
        return None
    left, top = window[1].start, window[0].start
    return int(left + columns[0]), int(top + rows[0]), int(left + columns[-1] + 1), int(top + rows[-1] + 1)


def car(
    buffers: Buffers, camera: Camera, rng: np.random.Generator, *, x: float, z: float, oncoming: bool, warm: float
) -> None:
    """Paint a car: a body and a cabin, each with its near end, its side and its top.

    Args:
        buffers: Where to paint.
        camera: Who looks.
        rng: Chooses the colour.
        x: Middle of the car, metres.
        z: Depth of its near end, metres.
        oncoming: Whether the near end is the front.
        warm: 0 for a car that was parked long ago, 1 for one that drives with its lights on.
    """
    colour = rng.uniform(0.04, 0.6) * (0.55 + 0.45 * rng.random(3))
    hood, trunk = 0.27 + 0.45 * warm, 0.25 + 0.05 * warm
    near, far = (hood, trunk) if oncoming else (trunk, hood)
    under = _top(camera, (x - 0.9, x + 0.9), 0.01, (z - 0.15, z + 4.3))
    buffers.paint(under.window, under.cover, under.place, albedo=_DARK, heat=0.41 + 0.16 * warm)
    side = _side(camera, x, 0.9, (0.27, 0.92), (z, z + 4.2))
    cooler = near + (far - near) * np.clip((side.z - z) / 4.2, 0, 1) - 0.05
    buffers.paint(side.window, side.cover, side.place, albedo=_tone(colour, 0.75), heat=cooler)
    _wheels(buffers, camera, x, z, warm)
    top = _top(camera, (x - 0.88, x + 0.88), 0.92, (z, z + 4.2))
    slope = near + (far - near) * np.clip((top.z - z) / 4.2, 0, 1) + 0.04
    buffers.paint(top.window, top.cover, top.place, albedo=_tone(colour, 1.15), heat=slope)
    _near_end(buffers, camera, x, z, colour, near, warm, oncoming)
    _cabin(buffers, camera, x, z + (1.2 if oncoming else 0.6), colour, warm)


def lamp(buffers: Buffers, camera: Camera, *, x: float, z: float, light: Colour) -> None:
    """Paint a street lamp that reaches over the road: a pole, an arm and a head, none of them warm."""
    reach = -copysign(1.1, x)
    for start, end, radius in (((0, 0), (0, LAMP_HEIGHT), 0.06), ((0, LAMP_HEIGHT), (reach, LAMP_HEIGHT + 0.2), 0.04)):
        _stick(buffers, camera, (x, z), start, end, radius, 0.30, (0, 0, 0))
    head = (reach, LAMP_HEIGHT + 0.18)
    _stick(buffers, camera, (x, z), (reach * 0.7, LAMP_HEIGHT + 0.15), head, 0.10, 0.33, light)


def tree(buffers: Buffers, camera: Camera, noise: Noise, rng: np.random.Generator, *, x: float, z: float) -> None:
    """Paint a tree: a trunk, and a crown whose leaves are a thresholded noise."""
    _stick(buffers, camera, (x, z), (0, 0), (0.1, 2.6), 0.10, 0.36, (0, 0, 0))
    size, shift = rng.uniform(1.2, 1.7), rng.uniform(0, 200)
    window = camera.window(x - 2.2, x + 2.2, 1.5, 6.5, z)
    across, down = camera.slopes(window)
    u, v = across * z - x, camera.eye - down * z
    leaves = noise.smooth(u * 1.8 + shift, v * 1.8) + 0.7 * noise.smooth(u * 6 + shift, v * 6)
    cover = leaves * 0.55 > (u / size) ** 2 + ((v - 3.9) / (1.15 * size)) ** 2 - 0.9
    tone = np.clip(0.10 + 0.05 * leaves, 0.02, 0.3)[..., None] * np.array([0.7, 1.0, 0.5])
    buffers.paint(window, cover, (u + x, v, z), albedo=tone.astype(np.float32), heat=0.31 + 0.02 * leaves)


def _body(
    phase: float, swing: float, facing: int
) -> list[tuple[str, tuple[float, float], tuple[float, float], float, float]]:
    """Return a walker's parts from far to near: material, two joints and their radii, in heights of the person."""
    hip, shoulder = (0.0, 0.50), (0.005 * facing, 0.80)
    limbs = []
    for turn in (phase + np.pi, phase):
        thigh, elbow = 0.42 * swing * np.sin(turn), -0.38 * swing * np.sin(turn)
        knee_bend = 0.55 * swing * max(0.0, np.cos(turn))
        knee = (hip[0] + facing * 0.25 * np.sin(thigh) + 0.022 * np.cos(turn), 0.27)
        foot = (knee[0] + facing * 0.24 * np.sin(thigh - knee_bend), 0.27 - 0.24 * np.cos(thigh - knee_bend))
        toe = (foot[0] + facing * 0.05, foot[1] - 0.003)
        bend = (shoulder[0] + facing * 0.16 * np.sin(elbow) + 0.055 * np.cos(turn), 0.63)
        hand = (bend[0] + facing * 0.14 * np.sin(elbow + 0.35), 0.49)
        limbs.append(
            [
                ("trousers", hip, knee, 0.062, 0.046),
                ("trousers", knee, foot, 0.044, 0.028),
                ("hair", foot, toe, 0.024, 0.018),
                ("coat", (bend[0] * 0.6, 0.79), bend, 0.036, 0.030),
                ("coat", bend, hand, 0.029, 0.022),
                ("skin", hand, (hand[0], hand[1] - 0.02), 0.021, 0.018),
            ]
        )
    trunk = [
        ("coat", shoulder, (0.0, 0.53), 0.088, 0.080),
        ("skin", (0.006 * facing, 0.84), (0.010 * facing, 0.87), 0.030, 0.030),
        ("hair", (0.004 * facing, 0.935), (0.004 * facing, 0.945), 0.056, 0.054),
        ("skin", (0.016 * facing, 0.905), (0.016 * facing, 0.925), 0.043, 0.046),
    ]
    return limbs[0] + trunk[:1] + limbs[1] + trunk[1:]


def _capsule(
    u: FloatArray, v: FloatArray, start: tuple[float, float], end: tuple[float, float], thick: float, thin: float
) -> tuple[FloatArray, FloatArray]:
    """Return the signed distance from a tapered stroke, negative inside, and its radius beside each point."""
    du, dv = end[0] - start[0], end[1] - start[1]
    along = np.clip(((u - start[0]) * du + (v - start[1]) * dv) / max(du * du + dv * dv, 1e-9), 0, 1)
    radius = thick + along * (thin - thick)
    return np.hypot(u - start[0] - along * du, v - start[1] - along * dv) - radius, radius


def _stick(
    buffers: Buffers,
    camera: Camera,
    stand: tuple[float, float],
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    heat: float,
    light: Colour,
) -> None:
    """Paint a grey stroke upright at the place ``stand`` (x, z)."""
    x, z = stand
    (u0, u1), (v0, v1) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    window = camera.window(x + u0 - 0.2, x + u1 + 0.2, v0 - 0.2, v1 + 0.2, z)
    across, down = camera.slopes(window)
    u, v = across * z - x, camera.eye - down * z
    distance, _ = _capsule(u, v, start, end, radius, radius)
    cover = np.clip(0.5 - distance * camera.focal / z, 0, 1)
    buffers.paint(window, cover, (u + x, v, z), albedo=(0.2, 0.2, 0.2), heat=heat, emission=light)


class _Face(NamedTuple):
    """A flat piece of a car: the pixels to paint, where among them it is, and their places."""

    window: Window
    cover: npt.NDArray[np.bool_]
    x: FloatArray
    y: FloatArray
    z: FloatArray

    @property
    def place(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.x, self.y, self.z


def _end(camera: Camera, x: float, half: float, y: tuple[float, float], z: float) -> _Face:
    """Cut the rays with an upright plane across the street at depth z."""
    window = camera.window(x - half, x + half, *y, z)
    across, down = camera.slopes(window)
    a, b, c = np.broadcast_arrays(across * z, camera.eye - down * z, np.float32(z))
    return _Face(window, (np.abs(a - x) < half) & (b > y[0]) & (b < y[1]), a, b, c)


def _side(camera: Camera, x: float, half: float, y: tuple[float, float], z: tuple[float, float]) -> _Face:
    """Cut the rays with the side of a box that faces the camera: the plane along the street nearest to its middle."""
    plane = x - copysign(half, x)
    near, far = camera.window(plane, plane, *y, z[0]), camera.window(plane, plane, *y, z[1])
    columns = slice(min(near[1].start, far[1].start), max(near[1].stop, far[1].stop))
    window = (near[0], columns)
    across, down = camera.slopes(window)
    depth = plane / np.where(across * plane > 0, across, np.inf)
    a, b, c = np.broadcast_arrays(np.float32(plane), camera.eye - down * depth, depth)
    return _Face(window, (c > z[0]) & (c < z[1]) & (b > y[0]) & (b < y[1]), a, b, c)


def _top(camera: Camera, x: tuple[float, float], y: float, z: tuple[float, float]) -> _Face:
    """Cut the rays with the level plane at height y, below the eye."""
    near, far = camera.window(*x, y, y, z[0]), camera.window(*x, y, y, z[1])
    rows = slice(min(near[0].start, far[0].start), max(near[0].stop, far[0].stop))
    columns = slice(min(near[1].start, far[1].start), max(near[1].stop, far[1].stop))
    across, down = camera.slopes((rows, columns))
    depth = (camera.eye - y) / np.maximum(down, 1e-6)
    a, b, c = np.broadcast_arrays(across * depth, np.float32(y), depth)
    return _Face((rows, columns), (a > x[0]) & (a < x[1]) & (c > z[0]) & (c < z[1]), a, b, c)


def _wheels(buffers: Buffers, camera: Camera, x: float, z: float, warm: float) -> None:
    """Paint the two wheels of the car's visible side; a car that drove has warm tyres and warmer brakes."""
    face = _side(camera, x, 0.91, (0.0, 0.7), (z, z + 4.2))
    for axle in (0.8, 3.4):
        reach = np.hypot(face.z - z - axle, face.y - 0.33)
        buffers.paint(face.window, reach < 0.33, face.place, albedo=_DARK, heat=0.34 + 0.28 * warm)
        buffers.paint(face.window, reach < 0.19, face.place, albedo=(0.4, 0.4, 0.4), heat=0.33 + 0.45 * warm)


def _near_end(
    buffers: Buffers, camera: Camera, x: float, z: float, colour: FloatArray, heat: float, warm: float, oncoming: bool
) -> None:
    """Paint the end that faces the camera: bumper, tyres, grille or exhaust, plate and lights."""
    face = _end(camera, x, 0.9, (0.0, 0.92), z)
    aside, up = np.abs(face.x - x), face.y
    tyres = (aside > 0.62) & (aside < 0.84) & (up < 0.34)
    buffers.paint(face.window, face.cover & tyres, face.place, albedo=_DARK, heat=0.36 + 0.32 * warm)
    shell = face.cover & (up > 0.24) & (aside < 0.9 - 0.10 * np.clip(up - 0.6, 0, 1))
    buffers.paint(face.window, shell, face.place, albedo=_tone(colour, 1.0), heat=heat - 0.03 + 0.06 * up)
    grille = shell & (aside < 0.5) & (up > 0.42) & (up < 0.62)
    buffers.paint(face.window, grille, face.place, albedo=_DARK, heat=heat + (0.14 * warm if oncoming else 0.0))
    plate = shell & (aside < 0.26) & (up > 0.44) & (up < 0.55)
    buffers.paint(face.window, plate, face.place, albedo=(0.8, 0.8, 0.75), heat=heat - 0.05)
    lights = shell & (np.hypot((aside - 0.68) / 1.4, up - 0.66) < 0.095)
    shine = (9.0, 8.6, 7.6) if oncoming else (2.4, 0.12, 0.06)
    on: Colour = (shine[0], shine[1], shine[2]) if warm > 0.3 else (0.0, 0.0, 0.0)
    buffers.paint(face.window, lights, face.place, albedo=(0.5, 0.4, 0.4), heat=heat + 0.08 * warm, emission=on)
    if not oncoming:
        pipe = face.cover & (np.hypot(face.x - x - 0.5, up - 0.27) < 0.09)
        buffers.paint(face.window, pipe, face.place, albedo=_DARK, heat=0.35 + 0.6 * warm)


def _cabin(buffers: Buffers, camera: Camera, x: float, z: float, colour: FloatArray, warm: float) -> None:
    """Paint the cabin from depth z: glass mirrors the cold sky, so that it is dark in infrared."""
    side = _side(camera, x, 0.80, (0.90, 1.42), (z, z + 2.2))
    middle = np.abs(side.z - z - 1.1)
    pillars = (middle < 1.0) & (middle > 0.06) & (side.y < 1.34) & (side.y > 0.96)
    buffers.paint(side.window, side.cover, side.place, albedo=_tone(colour, 0.75), heat=0.28)
    buffers.paint(side.window, side.cover & pillars, side.place, albedo=_DARK, heat=0.20 + 0.07 * warm)
    roof = _top(camera, (x - 0.72, x + 0.72), 1.42, (z, z + 2.2))
    buffers.paint(roof.window, roof.cover, roof.place, albedo=_tone(colour, 1.15), heat=0.20)
    end = _end(camera, x, 0.84, (0.90, 1.42), z)
    aside, up = np.abs(end.x - x) + 0.13 * (end.y - 0.9) / 0.52, end.y
    frame = end.cover & (aside < 0.83)
    buffers.paint(end.window, frame, end.place, albedo=_tone(colour, 0.9), heat=0.27)
    pane = frame & (aside < 0.76) & (up > 0.97) & (up < 1.36)
    buffers.paint(end.window, pane, end.place, albedo=_DARK, heat=0.21 + 0.08 * warm)


def _tone(colour: FloatArray, gain: float) -> Colour:
    """Return the colour, lighter or darker."""
    red, green, blue = (float(channel) * gain for channel in colour)
    return red, green, blue
