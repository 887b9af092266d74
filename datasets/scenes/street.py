"""The empty street of the synthetic scene: a camera, what it sees at each pixel, and the things that do not move.

A street runs away from the camera between two rows of houses. Every pixel's ray is cut with the ground, the two
walls and the sky at once, so that each pixel knows its place in the world (metres: x to the right, y up, z ahead), the
share of light that its material reflects, the light that it gives off, and its warmth. Both cameras of the scene are
rendered from these buffers, which is why their pictures are registered to the pixel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
Window = tuple[slice, slice]
Colour = tuple[float, float, float]

ROAD = 3.9
"""Half the width of the road, metres."""
WALKWAY = 7.6
"""Distance of the houses from the middle of the road, metres."""
FAR = 110.0
"""Depth at which the street ends, metres."""
CROSSING = (8.6, 11.4)
"""Where the zebra crossing begins and ends, metres ahead."""
_TILE = 256
_STOREY = 3.1


@dataclass(frozen=True)
class Camera:
    """A camera that looks along the street, with no tilt.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        focal: Focal length, pixels.
        centre: Column of the vanishing point.
        horizon: Row of the horizon.
        eye: Height above the ground, metres.
    """

    height: int
    width: int
    focal: float
    centre: float
    horizon: float
    eye: float

    def window(self, x0: float, x1: float, y0: float, y1: float, z: float) -> Window:
        """Return the pixels that cover the upright rectangle at depth z, cut to the picture (maybe none)."""
        left, right = (self.centre + self.focal * x / z for x in (x0, x1))
        top, bottom = (self.horizon + self.focal * (self.eye - y) / z for y in (y1, y0))
        rows, columns = np.clip([top - 1, bottom + 2], 0, self.height), np.clip([left - 1, right + 2], 0, self.width)
        return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))

    def slopes(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """Return, for the window's pixels, x / z as a row and (eye - y) / z as a column."""
        rows, columns = window
        across = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - self.centre) / self.focal
        down = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5 - self.horizon) / self.focal
        return across[None, :].astype(np.float32), down[:, None].astype(np.float32)


@dataclass
class Buffers:
    """What the camera sees at each pixel.

    Args:
        x, y, z: Place in the world, metres, (H, W).
        albedo: Share of light reflected, (H, W, 3).
        emission: Light given off, (H, W, 3).
        heat: Warmth, 0 the coldest and 1 the warmest, (H, W).
        owner: Number of the actor seen, 0 for none, (H, W).
    """

    x: FloatArray
    y: FloatArray
    z: FloatArray
    albedo: FloatArray
    emission: FloatArray
    heat: FloatArray
    owner: npt.NDArray[np.int16]

    def paint(
        self,
        window: Window,
        cover: npt.NDArray[np.float32] | npt.NDArray[np.bool_],
        place: tuple[FloatArray | float, FloatArray | float, FloatArray | float],
        *,
        albedo: FloatArray | Colour,
        heat: FloatArray | float,
        emission: Colour = (0, 0, 0),
        owner: int = 0,
    ) -> None:
        """Lay a surface over the window where ``cover`` (0..1) says, in front of what is there."""
        share = cover.astype(np.float32)
        solid = share > 0.5
        for buffer, value in zip((self.x, self.y, self.z), place, strict=True):
            np.copyto(buffer[window], value, where=solid, casting="same_kind")
        for colours, colour in ((self.albedo, albedo), (self.emission, emission)):
            view = colours[window]
            view += share[..., None] * (np.asarray(colour, np.float32) - view)
        warmth = self.heat[window]
        warmth += share * (np.asarray(heat, np.float32) - warmth)
        np.copyto(self.owner[window], owner, where=solid, casting="same_kind")


@dataclass(frozen=True)
class Noise:
    """Random tables that textures are looked up in."""

    tile: FloatArray
    table: FloatArray

    @classmethod
    def of(cls, rng: np.random.Generator) -> "Noise":
        """Draw the tables."""
        return cls(rng.standard_normal((_TILE, _TILE), np.float32), rng.random(4096, np.float32))

    def grain(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return N(0, 1) noise that is constant on unit squares of (a, b) and repeats with them."""
        return self._at(np.floor(a).astype(np.int32), np.floor(b).astype(np.int32))

    def smooth(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return noise of about N(0, 0.7) that changes smoothly from one unit square of (a, b) to the next."""
        row, column = np.floor(a).astype(np.int32), np.floor(b).astype(np.int32)
        down, right = a - row.astype(np.float32), b - column.astype(np.float32)
        upper = self._at(row, column) * (1 - right) + self._at(row, column + 1) * right
        lower = self._at(row + 1, column) * (1 - right) + self._at(row + 1, column + 1) * right
        return upper + down * (lower - upper)

    def chance(self, *cells: npt.NDArray[np.int32]) -> FloatArray:
        """Return a number in 0..1 for each cell."""
        key = sum(cell * factor for cell, factor in zip(cells, (7919, 104729, 1299709), strict=False))
        found: FloatArray = self.table[np.asarray(key) % self.table.size]
        return found

    def _at(self, row: npt.NDArray[np.int32], column: npt.NDArray[np.int32]) -> FloatArray:
        """Look the tile up, repeated without end; its side is a power of two."""
        return self.tile.ravel()[(row & (_TILE - 1)) * _TILE + (column & (_TILE - 1))]


def empty_street(camera: Camera, noise: Noise, rng: np.random.Generator) -> Buffers:
    """Return the buffers of the street without people: sky, two rows of houses, road and walkways."""
    across, down = camera.slopes((slice(0, camera.height), slice(0, camera.width)))
    ground = np.where(down > 0, camera.eye / np.maximum(down, 1e-6), np.inf)
    wall = WALKWAY / np.maximum(np.abs(across), 1e-6)
    z = np.minimum(np.minimum(ground, wall), FAR).astype(np.float32)
    x, y = across * z, camera.eye - down * z
    shape = (camera.height, camera.width)
    blank = np.zeros((*shape, 3), np.float32)
    buffers = Buffers(x, y, z, blank, blank.copy(), np.zeros(shape, np.float32), np.zeros(shape, np.int16))
    _sky(buffers, np.broadcast_to(down, shape), noise, rng)
    _houses(buffers, (across > 0).astype(np.int32), np.minimum(wall, FAR).astype(np.float32), noise, rng)
    _floor(buffers, noise, first=int(np.searchsorted(down[:, 0], camera.eye / FAR)))
    return buffers


def _sky(buffers: Buffers, down: FloatArray, noise: Noise, rng: np.random.Generator) -> None:
    """Fill everything with a night sky that the city lights from below; cold, warmer near the horizon."""
    low = np.exp(np.minimum(down, 0) * 5.0)[..., None]
    zenith, town = np.array([0.006, 0.009, 0.018]), np.array([0.050, 0.036, 0.028]) * rng.uniform(0.6, 1.3)
    cloud = 1 + 0.25 * noise.smooth(buffers.x / 18, buffers.y / 7)[..., None]
    buffers.emission[:] = ((zenith + low * (town - zenith)) * np.maximum(cloud, 0.3)).astype(np.float32)
    buffers.heat[:] = 0.06 + 0.14 * low[..., 0] + 0.012 * cloud[..., 0]


def _houses(
    buffers: Buffers, side: npt.NDArray[np.int32], z: FloatArray, noise: Noise, rng: np.random.Generator
) -> None:
    """Put houses of different heights on both sides: masonry, windows (some lit), shops at street level."""
    edges = 2 + np.cumsum(rng.uniform(9, 17, (2, 16)), axis=1)
    house = np.where(side == 0, np.searchsorted(edges[0], z), np.searchsorted(edges[1], z)).astype(np.int32)  # (1, W)
    which = house + 20 * side
    tall = 7 + 13 * noise.chance(which)
    front = (np.abs(buffers.x) > WALKWAY - 0.01) & (buffers.y < tall) & (z < FAR) & (buffers.y > 0)

    storey = np.floor(buffers.y / _STOREY).astype(np.int32)
    up, along = buffers.y / _STOREY - storey, z / (2.1 + 0.8 * noise.chance(which, side + 3))
    bay = np.floor(along).astype(np.int32)
    beside, shop = np.abs(along - bay - 0.5), storey == 0
    glass = np.where(shop, (beside < 0.42) & (up > 0.12) & (up < 0.78), (beside < 0.24) & (up > 0.28) & (up < 0.80))
    frame = np.where(shop, beside > 0.39, (beside < 0.02) | (np.abs(up - 0.64) < 0.02)) & glass
    luck = noise.chance(bay, storey, which)
    lit = glass & ~frame & (luck < np.where(shop, 0.30, 0.22)) & front

    fine = np.exp(-z / 30)  # far masonry is too small to be resolved
    course = buffers.y * 6.5
    brick = (course % 1 < 0.16) | ((z * 2.3 + 0.5 * (np.floor(course) % 2)) % 1 < 0.09)
    relief = 1 - fine * (0.35 * brick - 0.10 * noise.grain(z * 2.3, course)) + 0.10 * noise.smooth(z, buffers.y)
    bright, hue = noise.chance(which, which * 0 + 5), noise.chance(which, which * 0 + 6)
    colours = (0.25 + 0.35 * bright)[..., None] * np.stack([1 + 0 * hue, 0.95 - 0.15 * hue, 0.9 - 0.4 * hue], axis=-1)
    shade = np.where(glass, np.float32(0.12), relief.clip(0.1, 1.4)) * np.where(frame, np.float32(3), np.float32(1))
    np.copyto(buffers.albedo, shade[..., None] * colours, where=front[..., None])

    glow = np.where(lit, np.where(shop, np.float32(0.75), np.float32(0.30)) * (0.5 + 0.6 * up) * (0.75 + luck), 0)
    for channel, (base, gain) in enumerate(((1.0, 0.0), (0.55, 1.5), (0.22, 2.4))):  # the luckier the whiter
        np.copyto(buffers.emission[..., channel], glow * (base + gain * luck), where=front)
    masonry = 0.36 + 0.09 * noise.chance(which, side + 9) + 0.015 * noise.smooth(z, buffers.y) - 0.02 * fine * brick
    pane = np.where(lit, 0.47, 0.25 + 0.08 * luck)
    np.copyto(buffers.heat, np.where(glass, pane, masonry), where=front, casting="same_kind")


def _floor(buffers: Buffers, noise: Noise, *, first: int) -> None:
    """Pave the rows from ``first``: asphalt with its markings and a crossing, kerbs, paving stones."""
    rows = np.s_[first:]
    x, y, z = buffers.x[rows], buffers.y[rows], buffers.z[rows]
    ground, beside = y < 0.01, np.abs(x)
    fine = np.exp(-((z / 26) ** 2))  # far stones are too small to be resolved
    patch = noise.smooth(x / 1.7, z / 4.0)

    asphalt = 0.17 + 0.02 * patch + fine * 0.03 * noise.grain(x * 36, z * 20)
    crossing = (z > CROSSING[0]) & (z < CROSSING[1])
    stripes = crossing & (x % 1.1 < 0.55)
    dashes = (np.abs(x) < 0.07) & (z % 6 < 3) & ~crossing
    borders = np.abs(beside - (ROAD - 0.35)) < 0.06
    paint = stripes | dashes | borders
    worn = 0.62 + 0.06 * noise.smooth(x * 4, z * 4)
    joint = ((x % 0.6 < 0.035) | (z % 0.6 < 0.05)).astype(np.float32)
    stone = 0.34 + 0.02 * patch + fine * (0.045 * noise.grain(x / 0.6, z / 0.6) - 0.15 * joint)
    kerb = (beside > ROAD) & (beside < ROAD + 0.22)
    shade = np.where(beside < ROAD, np.where(paint, worn, asphalt), np.where(kerb, 0.48, stone))
    for channel, (on_road, on_stone) in enumerate(((1.0, 1.04), (1.0, 1.0), (1.03, 0.94))):
        tint = np.maximum(shade, 0.03) * np.where(beside < ROAD, np.float32(on_road), np.float32(on_stone))
        np.copyto(buffers.albedo[rows][..., channel], tint, where=ground, casting="same_kind")
    buffers.emission[rows] *= ~ground[..., None]

    tracks = np.exp(-(((np.abs(beside - 1.9) - 0.75) / 0.3) ** 2))  # tyres warm the asphalt
    road = 0.40 + 0.05 * tracks + 0.012 * patch - 0.04 * paint
    walkway = 0.34 + 0.012 * patch - 0.012 * fine * joint + 0.03 * kerb
    np.copyto(buffers.heat[rows], np.where(beside < ROAD, road, walkway), where=ground, casting="same_kind")
