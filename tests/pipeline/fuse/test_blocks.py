"""Fusing in blocks gives the pixels of the whole picture, in memory that does not grow with it."""

import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.errors import InputError, MissingExtraError, SizeError
from mmdrfuse.images.formats import tiff_blocks as tiled
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse import blocks
from mmdrfuse.pipeline.fuse.blocks import BlockwisePair, fits_blocks
from mmdrfuse.pipeline.fuse.fuser import Fuser, fuse_part


@pytest.fixture(scope="module")
def fuser():
    return Fuser(make(models.read("ivif")))


@pytest.fixture
def small_blocks(monkeypatch):
    """Make borders between blocks many, and close to each other."""

    def cut(tile, columns):
        for module in (tiled, blocks):
            monkeypatch.setattr(module, "TILE", tile)
            monkeypatch.setattr(module, "BLOCK", tile * columns)

    cut(16, 3)
    return cut


def stored_pair(folder, rng, shape, kinds=("uint8", "uint8"), **options):
    """Write a smooth random pair as TIFFs; three-dimensional shapes are of the visible side."""
    sides = {}
    for name, kind, size in (("ir", kinds[0], shape[:2]), ("vi", kinds[1], shape)):
        noise = rng.random(size) * 0.5 + np.linspace(0, 0.5, size[1])[(slice(None), None) if len(size) == 3 else ...]
        top = 1 if kind == "float32" else np.iinfo(kind).max
        sides[name] = (noise * top).astype(kind)
        photometric = "rgb" if len(size) == 3 else "minisblack"
        tifffile.imwrite(folder / f"{name}.tif", sides[name], photometric=photometric, **options)
    return Pair("x", folder / "ir.tif", folder / "vi.tif"), sides["ir"], sides["vi"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(2, 70), width=st.integers(2, 130), tile=st.sampled_from([16, 32, 48]),
    colour=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_blocks_and_the_whole_are_equal_to_the_bit(
    fuser, small_blocks, tmp_path_factory, height, width, tile, colour, seed
):
    folder, rng = tmp_path_factory.mktemp("pair"), np.random.default_rng(seed)
    small_blocks(16 if seed % 2 else 32, 1 + seed % 3)
    shape = (height, width, 3) if colour else (height, width)
    pair, infrared, visible = stored_pair(folder, rng, shape, tile=(tile, tile))
    BlockwisePair(pair).fuse(fuser, folder / "out.tif")
    np.testing.assert_array_equal(images.read(folder / "out.tif"), fuser(infrared, visible).image)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "options"),
    [
        (("uint16", "uint16"), {"tile": (32, 32), "compression": "zlib", "predictor": True}),
        (("uint16", "uint8"), {"rowsperstrip": 7, "compression": "zlib"}),
        (("float32", "float32"), {"tile": (16, 48)}),
        (("uint16", "uint16"), {"byteorder": ">"}),
        (("uint8", "uint16"), {"rowsperstrip": 5}),
        (("uint8", "uint8"), {"tile": (32, 32), "bigtiff": True}),
    ],
)
def test_every_layout_of_the_file_gives_the_same_pixels(fuser, small_blocks, rng, tmp_path, kinds, options):
    pair, infrared, visible = stored_pair(tmp_path, rng, (53, 101), kinds, **options)
    info = BlockwisePair(pair).fuse(fuser, tmp_path / "out.tif")
    expected = fuser(infrared, visible).image
    assert info.dtype == expected.dtype
    np.testing.assert_array_equal(images.read(tmp_path / "out.tif"), expected)


def test_extremes_are_those_of_the_whole_picture(fuser, small_blocks, rng, tmp_path):
    pair, infrared, visible = stored_pair(tmp_path, rng, (40, 90))
    stretched = replace(fuser, range="minmax")
    info = BlockwisePair(pair).fuse(stretched, tmp_path / "out.tif")
    expected = stretched(infrared, visible)
    assert info.limits == expected.limits
    np.testing.assert_array_equal(images.read(tmp_path / "out.tif"), expected.image)


def test_percentiles_are_those_of_the_whole_picture(fuser, small_blocks, rng, tmp_path):
    pair, infrared, visible = stored_pair(tmp_path, rng, (40, 90))
    info = BlockwisePair(pair).fuse(replace(fuser, range="percentile"), tmp_path / "out.tif")
    expected = np.percentile(fuser.output(infrared, visible), (1, 99), method="inverted_cdf")
    np.testing.assert_allclose(info.limits, expected, atol=2 / 65535)  # the width of a bin


def test_an_infrared_range_is_applied(fuser, small_blocks, rng, tmp_path):
    pair, infrared, visible = stored_pair(tmp_path, rng, (40, 90), ("uint16", "uint8"))
    pair = replace(pair, preparation=Preparation(infrared_range=(5000.0, 50000.0)))
    BlockwisePair(pair).fuse(fuser, tmp_path / "out.tif")
    prepared = pair.prepared(infrared, visible)
    expected = fuser(prepared.infrared, prepared.visible, dtype=np.dtype(np.uint16)).image
    np.testing.assert_array_equal(images.read(tmp_path / "out.tif"), expected)


@pytest.mark.parametrize("side", ["ir", "vi"])
def test_colour_far_from_the_corner_is_kept_by_every_block(fuser, small_blocks, rng, tmp_path, side):
    gray = rng.integers(40, 200, (40, 120)).astype(np.uint8)
    colour = np.stack([gray] * 3, axis=-1)
    colour[30:, 100:] = (200, 60, 40)
    sides = {"ir": gray, "vi": gray} | {side: colour}
    for name, image in sides.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", image, tile=(16, 16))
    info = BlockwisePair(Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif")).fuse(fuser, tmp_path / "out.tif")
    assert info.color
    np.testing.assert_array_equal(images.read(tmp_path / "out.tif"), fuser(sides["ir"], sides["vi"]).image)


def test_gray_in_three_channels_is_gray(fuser, small_blocks, rng, tmp_path):
    gray = rng.integers(0, 256, (20, 60)).astype(np.uint8)
    for name in ("ir", "vi"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack([gray] * 3, axis=-1), tile=(16, 16))
    info = BlockwisePair(Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif")).fuse(fuser, tmp_path / "out.tif")
    assert not info.color
    assert images.read(tmp_path / "out.tif").ndim == 2


def test_the_place_on_earth_and_the_author_are_carried_over(fuser, rng, tmp_path):
    tags = [(33550, "d", 3, (0.5, 0.5, 0.0), True), (315, "s", 0, "A. Author", True)]
    pair, _, _ = stored_pair(tmp_path, rng, (40, 50), tile=(16, 16), extratags=tags)
    BlockwisePair(pair).fuse(fuser, tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        tags = file.pages.first.tags
        assert tags[33550].value == (0.5, 0.5, 0.0)
        assert tags[315].value == "A. Author"
        assert file.pages.first.tile == (512, 512)


def test_a_source_that_is_written_to_meanwhile_leaves_no_file(fuser, rng, tmp_path):
    pair, _, _ = stored_pair(tmp_path, rng, (40, 50), tile=(16, 16))

    def engine(infrared, visible):
        with pair.visible.open("ab") as file:
            file.write(b"more")
        return fuser.engine(infrared, visible)

    with pytest.raises(InputError, match=r"vi\.tif: was changed while it was read"):
        BlockwisePair(pair).fuse(replace(fuser, engine=engine), tmp_path / "out.tif")
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(("coloured", "author"), [("ir", "I"), ("vi", "V"), (None, "V")])
def test_tags_come_from_the_side_whose_colour_is_kept(fuser, rng, tmp_path, coloured, author):
    for name, tag in (("ir", "I"), ("vi", "V")):
        image = rng.integers(0, 255, (40, 50, 3) if name == coloured else (40, 50)).astype(np.uint8)
        tifffile.imwrite(tmp_path / f"{name}.tif", image, tile=(16, 16), extratags=[(315, "s", 0, tag, True)])
    BlockwisePair(Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif")).fuse(fuser, tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages.first.tags[315].value == author


def test_blocks_are_chosen_for_tiles_and_for_many_pixels(rng, tmp_path, monkeypatch):
    plain, _, _ = stored_pair(tmp_path, rng, (30, 40))
    assert not fits_blocks(plain, tmp_path / "out.tif")
    monkeypatch.setattr(blocks, "HUGE", 1200)
    assert fits_blocks(plain, tmp_path / "out.tif")
    assert not fits_blocks(plain, tmp_path / "out.png")
    assert not fits_blocks(
        replace(plain, preparation=Preparation(transform=(1, 0, 0, 0, 1, 0, 0, 0, 1))), plain.visible
    )
    monkeypatch.undo()
    tile_pair, _, _ = stored_pair(tmp_path, rng, (30, 40), tile=(16, 16))
    assert fits_blocks(tile_pair, tmp_path / "out.tiff")


def test_files_that_blocks_cannot_read_are_fused_in_one_piece(rng, tmp_path):
    pair, _, _ = stored_pair(tmp_path, rng, (30, 40), tile=(16, 16))
    tifffile.imwrite(tmp_path / "int.tif", np.zeros((30, 40), np.int32), tile=(16, 16))
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    images.write(tmp_path / "other.png", np.zeros((30, 40), np.uint8))
    for name in ("int.tif", "broken.tif", "other.png", "missing.tif"):
        assert not fits_blocks(replace(pair, visible=tmp_path / name), tmp_path / "out.tif")


def test_a_failure_leaves_no_file(fuser, rng, tmp_path):
    pair, _, _ = stored_pair(tmp_path, rng, (600, 700), tile=(256, 256), compression="zlib")
    content = pair.visible.read_bytes()
    with tifffile.TiffFile(pair.visible) as file:
        offset = file.pages.first.dataoffsets[4]
    pair.visible.write_bytes(content[:offset] + bytes(100) + content[offset + 100 :])
    with pytest.raises(InputError, match=r"vi\.tif: damaged"):
        BlockwisePair(pair).fuse(fuser, tmp_path / "out.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ir.tif", "vi.tif"]


def test_both_sizes_are_named_where_they_differ(fuser, rng, tmp_path):
    pair, _, _ = stored_pair(tmp_path, rng, (30, 40), tile=(16, 16))
    tifffile.imwrite(tmp_path / "wide.tif", np.zeros((30, 41), np.uint8), tile=(16, 16))
    with pytest.raises(SizeError, match=r"ir\.tif is 40x30 and .*wide\.tif 41x30 pixels: blocks need one size"):
        BlockwisePair(replace(pair, visible=tmp_path / "wide.tif")).fuse(fuser, tmp_path / "out.tif")


@pytest.mark.parametrize("policy", ["clip", "minmax"])
def test_a_coloured_infrared_with_a_range_is_that_of_the_whole(fuser, small_blocks, rng, tmp_path, policy):
    sides = [rng.integers(30, 220, (40, 70, 3)).astype(np.uint8) for _ in range(2)]
    sides[1][..., :] = sides[1][..., :1]
    for name, image in zip(("ir", "vi"), sides, strict=True):
        tifffile.imwrite(tmp_path / f"{name}.tif", image, tile=(16, 16))
    pair = Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif", Preparation(infrared_range=(50.0, 200.0)))
    BlockwisePair(pair).fuse(replace(fuser, range=policy), tmp_path / "out.tif")
    whole = fuse_part(replace(fuser, range=policy), pair.preparation, *sides, dtype=np.dtype(np.uint8))
    np.testing.assert_array_equal(images.read(tmp_path / "out.tif"), whole.image)


def test_small_files_that_cannot_be_read_in_blocks_are_fused_in_one_piece(rng, tmp_path, monkeypatch):
    pair, _, _ = stored_pair(tmp_path, rng, (30, 40), tile=(16, 16))

    def refuse(reader, *_):
        raise MissingExtraError("imagecodecs", "tiff", "a TIFF compressed like this")

    monkeypatch.setattr(tiled.BlockReader, "block", refuse)
    assert not fits_blocks(pair, tmp_path / "out.tif")
    monkeypatch.setattr(blocks, "HUGE", 1200)  # too large to be read otherwise: the reader's own words say why
    assert fits_blocks(pair, tmp_path / "out.tif")


def test_every_pixel_is_counted_once(rng, tmp_path, small_blocks):
    pair, infrared, _ = stored_pair(tmp_path, rng, (40, 90), ("uint16", "uint8"))
    counts = np.concatenate([block.ravel() for block in BlockwisePair(pair).infrared()])
    np.testing.assert_array_equal(np.sort(counts), np.sort(infrared, axis=None))


@pytest.mark.parametrize("policy", ["clip", "percentile"])
def test_a_folders_run_does_blocks_by_itself_and_records_the_same(rng, tmp_path, monkeypatch, policy):
    from mmdrfuse.pipeline.fuse import folder
    from mmdrfuse.pipeline.fuse.choices import Choices

    pair, _, _ = stored_pair(tmp_path, rng, (40, 90), ("uint16", "uint8"))
    checkpoint = models.read("ivif")
    entries, pictures, plans = [], [], []
    for huge in (blocks.HUGE, 1):
        monkeypatch.setattr(blocks, "HUGE", huge)
        choices, out = Choices(Fuser(make(checkpoint), policy), checkpoint, suffix=".tif"), tmp_path / str(huge)
        assert isinstance(folder.fusion_input(choices, out, pair), BlockwisePair) == (huge == 1)
        choices, pairs = folder.settle(choices, [pair], out)
        plans.append([planned.info for _, planned in folder.plan_pairs(choices, pairs, pairs, out)])
        fused = [entry for _, entry in folder.fuse_pairs(choices, pairs, out)]
        entries.append([replace(entry, seconds=0, finished="", nbytes=0) for entry in fused])
        pictures.append(images.read(choices.target(pair, out)))
    assert entries[0] == entries[1]
    assert plans[0] == plans[1]
    np.testing.assert_array_equal(*pictures)


MEASURE = """
import resource, sys
from pathlib import Path
from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.pipeline.fuse.fuser import Fuser, fuse_part
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.blocks import BlockwisePair
folder = Path(sys.argv[1])
pair = Pair("x", folder / "side.tif", folder / "side.tif")
BlockwisePair(pair).fuse(Fuser(make(models.read("ivif"))), folder / "out.tif")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_picture(tmp_path):
    peaks = []
    for height in (1024, 8192):
        tile = np.zeros((512, 512), np.uint8)
        tifffile.imwrite(
            tmp_path / "side.tif", itertools.repeat(tile, height // 512 * 8), shape=(height, 4096), dtype=np.uint8,
            tile=(512, 512), compression="zlib",
        )  # fmt: skip
        run = subprocess.run([sys.executable, "-c", MEASURE, str(tmp_path)], check=True, capture_output=True, text=True)
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] < peaks[0] + 20  # MiB; the picture alone grows by 28, its planes in float32 by 300


@pytest.mark.parametrize("kind", ["page", "reduced"])
def test_files_of_several_pages_are_not_fused_in_blocks(tmp_path, rng, kind):
    for name in ("ir", "vi"):
        with tifffile.TiffWriter(tmp_path / f"{name}.tif") as writer:
            for index in range(2):
                picture = rng.integers(0, 256, (64, 48)).astype(np.uint8)
                writer.write(picture, tile=(16, 16), subfiletype=index * (kind == "reduced"))
    pair = Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif")
    assert fits_blocks(pair, tmp_path / "out.tif") is (kind == "reduced")


def test_description_in_any_language_goes_into_the_result(tmp_path, rng, fuser):
    stored_pair(tmp_path, rng, (40, 30), tile=(16, 16), description="Müller, 紅外".encode())
    BlockwisePair(Pair("x", tmp_path / "ir.tif", tmp_path / "vi.tif")).fuse(fuser, tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert file.pages.first.description == "Müller, 紅外"


def test_tiles_of_size_zero_are_not_fused_in_blocks(tmp_path, rng):
    stored_pair(tmp_path, rng, (40, 30), tile=(16, 16))
    path = tmp_path / "vi.tif"
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["TileLength"].valueoffset
    content = bytearray(path.read_bytes())
    content[place : place + 2] = b"\0\0"
    path.write_bytes(content)
    assert tiled.read_shape(path) is None


def test_the_samples_of_a_huge_pair_are_few_and_from_all_over_it(small_blocks, tmp_path, rng, monkeypatch):
    small_blocks(16, 1)
    pair, infrared, _ = stored_pair(tmp_path, rng, (160, 96), tile=(16, 16))
    places = itertools.product(range(0, 160, 16), range(0, 96, 16))
    blocks_at = {infrared[top : top + 16, left : left + 16].tobytes(): (top, left) for top, left in places}
    assert [blocks_at[part.infrared.tobytes()] for part in BlockwisePair(pair).samples()] == list(blocks_at.values())
    monkeypatch.setattr(blocks, "SAMPLES", 12)
    rows, columns = zip(*{blocks_at[part.infrared.tobytes()] for part in BlockwisePair(pair).samples()}, strict=True)
    assert len(rows) == 12
    assert min(len(set(rows)), len(set(columns))) > 3
