"""The C header: it compiles without a warning and gives the engine's pixels."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from mmdrfuse import models
from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.export import Options, render
from mmdrfuse.images import constant_limits, to_unit

CC = shutil.which("cc")
FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")
SIZES = [(2, 2), (2, 9), (9, 2), (3, 3), (37, 51), (131, 257)]
WRAPPER = """
#include "student.h"
int rows_size(int width) { return (int)mmdrfuse_rows_size(width); }
int fuse(const uint8_t *infrared, const uint8_t *visible, uint8_t *fused, int width, int height, void *rows) {
    return mmdrfuse_fuse(infrared, visible, fused, width, height, rows);
}
"""

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler, cc")


def compiled(content, folder, *flags):
    """Compile the header; return a function that fuses arrays, and sees what is written beside its buffers."""
    (folder / "student.h").write_bytes(content)
    (folder / "wrapper.c").write_text(WRAPPER)
    library = folder / "student.so"
    subprocess.run([CC, *FLAGS, *flags, "-shared", "-fPIC", folder / "wrapper.c", "-o", library], check=True)
    functions = ctypes.CDLL(str(library))

    def fused(infrared, visible):
        height, width = infrared.shape
        size = functions.rows_size(width)
        rows = np.full(size + 64, 77, np.uint8)
        result = np.full((height + 2, width), 77, np.uint8)  # a row before and one behind
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (infrared, visible, result[1:], rows)]
        assert functions.fuse(*pointers[:3], width, height, pointers[3]) == 0
        assert (rows[size:] == 77).all()
        assert (result[[0, -1]] == 77).all()
        return result[1:-1]

    fused.functions = functions
    return fused


def wanted(name, range_, infrared, visible):
    checkpoint = models.read(name)
    engine = make(checkpoint)
    limits = constant_limits(range_ or checkpoint.card["range"])
    output = engine(to_unit(infrared), to_unit(visible))
    low, high = limits or (float(output.min()), float(output.max()))
    return fuse_stored(engine, infrared, visible, low=low, high=high)


def differences(fuse, name, range_, rng):
    """Return how far all levels are from the engine's, on noise of all sizes and on a smooth picture."""
    pairs = [rng.integers(0, 256, (2, *size), np.uint8) for size in SIZES]
    y, x = np.mgrid[:150, :200]
    pairs.append(np.stack([127 + 100 * np.sin(x / 37 + y / 90), 127 + 120 * np.cos(x / 11 - y / 23)]).astype(np.uint8))
    return np.concatenate([np.abs(fuse(*pair).astype(int) - wanted(name, range_, *pair)).ravel() for pair in pairs])


CASES = [("scenes", None), ("day", None), ("medical", "detector")]


@pytest.mark.parametrize(("name", "range_"), CASES)
def test_the_pixels_are_the_engines(name, range_, rng, tmp_path):
    """All of them where the processor has a fused multiply-add, as then the engine uses it."""
    off = differences(compiled(render(name, "c", Options(range=range_)), tmp_path), name, range_, rng)
    assert off.max() <= 1
    assert np.count_nonzero(off) <= 2e-5 * off.size


@pytest.mark.parametrize(("flag", "share"), [("-DMMDRFUSE_FAST", 1e-4), ("-DMMDRFUSE_FIXED", 0.03)])
@pytest.mark.parametrize(("name", "range_"), CASES)
def test_the_variants_differ_by_one_level_in_few_pixels(name, range_, flag, share, rng, tmp_path):
    off = differences(compiled(render(name, "c", Options(range=range_)), tmp_path, flag), name, range_, rng)
    assert off.max() <= 1
    assert np.count_nonzero(off) <= share * off.size


@pytest.mark.parametrize("gain", [0, 1e-3, 3, 9])
def test_integers_do_not_overflow_whatever_the_weights(gain, rng, tmp_path):
    """The weights of the network are scaled, and the sources are those that make its sums largest."""
    arrays = {name: (gain * array).astype(np.float32) for name, array in models.read("scenes").arrays.items()}
    models.write(tmp_path / "w.safetensors", arrays, {"range": "fixed:-1,1"})
    flags = "-DMMDRFUSE_FIXED", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"
    fuse = compiled(render(tmp_path / "w.safetensors", "c"), tmp_path, *flags)
    sources = [rng.integers(0, 2, (2, 12, 15), np.uint8) * 255 for _ in range(20)]
    engine = make(models.read(tmp_path / "w.safetensors"))
    for pair in (*sources, np.full((2, 12, 15), 255, np.uint8), np.zeros((2, 12, 15), np.uint8)):
        np.testing.assert_allclose(fuse(*pair).astype(int), fuse_stored(engine, *pair, low=-1, high=1), atol=6)


def test_weights_that_16_bits_cannot_hold_are_refused_by_the_compiler(tmp_path):
    arrays = {name: np.full_like(array, 1e30) for name, array in models.read("scenes").arrays.items()}
    models.write(tmp_path / "w.safetensors", arrays, {})
    (tmp_path / "w.h").write_bytes(render(tmp_path / "w.safetensors", "c"))
    command = [CC, "-std=c99", "-fsyntax-only", "-x", "c", tmp_path / "w.h"]
    assert subprocess.run(command, check=False).returncode == 0
    refused = subprocess.run([*command, "-DMMDRFUSE_FIXED"], check=False, capture_output=True, text=True)
    assert "too large for MMDRFUSE_FIXED" in refused.stderr


def test_sizes_that_the_engine_refuses_are_refused(tmp_path):
    functions = compiled(render("day", "c"), tmp_path).functions
    planes = [ctypes.c_void_p(np.zeros(64, np.uint8).ctypes.data) for _ in range(4)]
    for width, height in ((1, 1), (1, 5), (5, 1), (0, 0), (-3, 4)):
        assert functions.fuse(*planes[:3], width, height, planes[3]) == -1
    assert functions.fuse(None, *planes[:2], 4, 4, planes[3]) == -1
    assert functions.rows_size(1) == 0


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    (folder / "scenes.h").write_bytes(render("scenes", "c"))
    subprocess.run([CC, *FLAGS, "-DMMDRFUSE_MAIN", "-x", "c", "scenes.h", "-o", "fuse"], cwd=folder, check=True)
    return folder / "fuse"


def test_the_program_fuses_two_pgm_files(program, rng, tmp_path):
    pair = rng.integers(0, 256, (2, 21, 33), np.uint8)
    Image.fromarray(pair[0]).save(tmp_path / "ir.pgm")
    (tmp_path / "vi.pgm").write_bytes(b"P5 # a comment\n33\n#another\n 21\t255\n" + pair[1].tobytes())
    subprocess.run([program, "ir.pgm", "vi.pgm", "f.pgm"], cwd=tmp_path, check=True)
    np.testing.assert_allclose(
        np.asarray(Image.open(tmp_path / "f.pgm")).astype(int), wanted("scenes", None, *pair), atol=1
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"P2 3 3 255 1 2 3", "must be a binary PGM"),
        (b"P5 3 3 65535\n" + bytes(18), "must be a binary PGM"),
        (b"P5 1 9 255\n" + bytes(9), "both sides at least 2"),
        (b"P5 4 4 255\n" + bytes(9), "ends too early"),
        (b"P5 3 3 255\n" + bytes(9), "both must have one size"),
        (b"P5 99999999999999 3 255\n", "must be a binary PGM"),
        (b"", "must be a binary PGM"),
    ],
)
def test_the_program_names_what_it_cannot_read(content, words, program, tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 4 4 255\n" + bytes(16))
    (tmp_path / "b.pgm").write_bytes(content)
    run = subprocess.run(
        [program, "a.pgm", "b.pgm", "f.pgm"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert (run.returncode, words in run.stderr, "b.pgm" in run.stderr) == (1, True, True)
    assert not (tmp_path / "f.pgm").exists()


def test_a_hostile_card_stays_in_its_comment(tmp_path):
    words = "*/ #error ?" + "?/ \\ /*"
    models.write(tmp_path / "w.safetensors", models.read("day").arrays, {"title": words, "licences": {words: words}})
    compiled(render(tmp_path / "w.safetensors", "c"), tmp_path)
