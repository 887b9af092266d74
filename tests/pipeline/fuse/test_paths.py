"""One definition of range: from Python, in a folder, in blocks and in a video, a picture has the same pixels."""

from fractions import Fraction

import numpy as np
import pytest
import tifffile

import mmdrfuse
from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.images.formats import tiff_blocks as tiled
from mmdrfuse.images.video.frames import RawFormat, RawSource
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse import blocks, folder
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.pipeline.fuse.video import fuse_sequences

SIZE = 70, 90
RANGES = ("clip", "fixed:0.2,0.7", "percentile", "minmax", "detector", "minmax+tone:0.5,30", "percentile+tone:0.5,90")

pytestmark = pytest.mark.filterwarnings("ignore:weights day were made for range")


@pytest.fixture
def sides(rng):
    """Sides with few very dark and very bright pixels, so that every range gives another picture."""
    smooth = np.linspace(40, 180, SIZE[1]) + rng.normal(0, 12, (2, *SIZE))
    smooth[:, :2, :20], smooth[:, -2:, -20:] = 0, 255
    return np.clip(smooth, 0, 255).astype(np.uint8)


def choices(policy, **others):
    checkpoint = models.read("day")
    return Choices(Fuser(make(checkpoint), range_for(checkpoint, policy)), checkpoint, **others)


def folder_of_one(requested, sides, out):
    pair = Pair("x", out / "ir.png", out / "vi.png")
    for path, side in zip((pair.infrared, pair.visible), sides, strict=True):
        images.write(path, side)
    return fused(requested, pair, out / "out")


def in_blocks(requested, sides, out):
    pair = Pair("x", out / "ir.tif", out / "vi.tif", requested.preparation, output="x.tif")
    for path, side in zip((pair.infrared, pair.visible), sides, strict=True):
        tifffile.imwrite(path, side, tile=(16, 16))
    source = folder.fusion_input(requested, out, pair)
    assert isinstance(source, blocks.BlockwisePair) is requested.preparation.pointwise
    return fused(requested, pair, out / "out")


def fused(requested, pair, out):
    settled, pairs = folder.settle(requested, [pair], out)
    ((_, entry),) = folder.fuse_pairs(settled, pairs, out)
    return images.read(out / entry.fused)


def raw_frames(requested, sides, folder):
    form = RawFormat(SIZE[1], SIZE[0], Fraction(10))
    for name, side in zip(("ir", "vi"), sides, strict=True):
        (folder / name).write_bytes(side.tobytes())
    return single_frame(requested, RawSource(folder / "ir", form), RawSource(folder / "vi", form), folder)


def lossless_video(requested, sides, folder):
    av = pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    from mmdrfuse.images.video.files import VideoSource

    for name, side in zip(("ir", "vi"), sides, strict=True):
        with av.open(str(folder / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "gray"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(side, format="gray")))
            container.mux(stream.encode())
    return single_frame(requested, VideoSource(folder / "ir.mkv"), VideoSource(folder / "vi.mkv"), folder)


def single_frame(requested, infrared, visible, folder):
    assert len(list(fuse_sequences(requested, infrared, visible, folder / "out.gray"))) == 1
    return np.frombuffer((folder / "out.gray").read_bytes(), np.uint8).reshape(SIZE)


PATHS = [folder_of_one, in_blocks, raw_frames, lossless_video]


@pytest.fixture
def small_blocks(monkeypatch):
    for module in (tiled, blocks):
        monkeypatch.setattr(module, "TILE", 16)
        monkeypatch.setattr(module, "BLOCK", 48)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("policy", RANGES)
def test_every_path_gives_the_pixels_of_python(sides, tmp_path, small_blocks, path, policy):
    expected = mmdrfuse.fuse(*sides, weights="day", range=policy)
    np.testing.assert_array_equal(path(choices(policy), sides, tmp_path), expected)


def test_the_ranges_differ_from_each_other(sides):
    """Otherwise the test above would say nothing."""
    pictures = [mmdrfuse.fuse(*sides, weights="day", range=policy) for policy in RANGES]
    assert all((a != b).mean() > 0.1 for number, a in enumerate(pictures) for b in pictures[:number])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("levels", ["30..200", "p2..p98"])
@pytest.mark.parametrize("moved", [False, True])
def test_every_path_prepares_alike(sides, tmp_path, small_blocks, path, levels, moved):
    """One that cannot apply a step leaves it to another, or refuses; it never leaves it out."""
    preparation = Preparation(transform=(1.0, 0.02, 3.0, 0.0, 1.0, -2.0, 0.0, 0.0, 1.0) if moved else ())
    requested = choices("clip", preparation=preparation, infrared_range=images.Levels.parse(levels))
    low, high = (30.0, 200.0) if "p" not in levels else np.percentile(sides[0], (2, 98), method="inverted_cdf")
    prepared = preparation.within((low, high))(*sides)
    expected = requested.fuser(
        prepared.infrared, prepared.visible, dtype=np.dtype(np.uint8), coverage=prepared.coverage
    ).image
    result = path(requested, sides, tmp_path)
    assert np.abs(result - mmdrfuse.fuse(*sides, weights="day").astype(int)).max() > 3
    # A float infrared is written to PNG with as many bits as the sources have, here 8.
    np.testing.assert_array_equal(result, expected)
