"""The page gives the pixels of the command, by each of its three engines."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import mmdrfuse
from mmdrfuse import images
from mmdrfuse.registration import rig

ENGINES = ("js", "webgl2", "webgpu")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_gives_the_suites_pixels(engine, opened, saved, pictures, differing):
    files, (infrared, visible) = pictures(ir=(83, 131), vi=(83, 131, 3))
    page = opened(engine, files)
    for weights in ("night", "medical", "scenes"):
        page.select_option("#weights", weights)
        share, largest = differing(saved(), mmdrfuse.fuse(infrared, visible, weights=weights))
        assert (share <= 0.001, largest <= 1) == (True, True), (weights, share, largest)
    page.uncheck("#colour")
    share, largest = differing(saved(), mmdrfuse.fuse(infrared, images.luminance(visible)))
    assert (share <= 0.001, largest <= 1) == (True, True)
    assert page.inner_text("#status").startswith(f"{page.get_attribute('body', 'data-engine')} · 131×83 · ")
    assert "frames per second" in page.inner_text("#status")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_smallest_pictures_and_the_infrareds_colour(engine, opened, saved, pictures, differing):
    files, (infrared, visible) = pictures(ir=(2, 3, 3), vi=(2, 3))
    opened(engine, files).select_option("#weights", "day")
    assert differing(saved(), mmdrfuse.fuse(infrared, visible, weights="day"))[1] <= 1


def png_options(kind):
    """Return what Pillow writes into a PNG beside the pixels."""
    if kind == "orientation":
        exif = Image.Exif()
        exif[0x112] = 6  # to be turned by a quarter
        return {"exif": exif}
    info = PngInfo()
    if kind == "gamma":
        info.add(b"gAMA", struct.pack(">I", 100_000))
        info.add(b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600))
    return {"pnginfo": info}


@pytest.mark.parametrize("kind", ["transparency", "gamma", "orientation"])
def test_stored_values_count_without_colour_management_and_upright(kind, opened, saved, rng, tmp_path, differing):
    """Transparency is dropped, and the colours under it stay."""
    files = [tmp_path / "ir.png", tmp_path / "vi.png"]
    for file, picture in zip(files, rng.integers(0, 256, (2, 12, 16, 4), np.uint8), strict=True):
        pixels = picture if kind == "transparency" else picture[..., :3]
        Image.fromarray(pixels).save(file, **png_options(kind))
    opened("js", files).select_option("#weights", "day")
    assert differing(saved(), mmdrfuse.fuse(*map(images.read, files), weights="day"))[1] <= 1


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_rig_made_by_hand_is_read_by_fuse_and_gives_the_pages_picture(engine, opened, saved, pictures, differing):
    files, (infrared, visible) = pictures(ir=(60, 80), vi=(90, 130, 3))
    page = opened(engine, files)
    page.click("#align summary")
    for key, value in {"right": 6.5, "down": -4, "scale": 81, "turn": 3, "tiltAcross": 6, "tiltDown": -5}.items():
        page.fill(f'#sliders input[type="number"][data-key="{key}"]', str(value))
    file = saved("#save-rig")
    by_hand = images.read(saved())
    share, largest = differing(saved(), mmdrfuse.fuse(infrared, visible, weights="scenes", rig=file))
    # positions of 32 bits round the placed infrared otherwise in some pixels, and the seam has 255 steps
    assert (share < 0.05, largest <= 2) == (True, True), (share, largest)
    assert (rig.read(file).infrared, rig.read(file).visible) == ((80, 60), (130, 90))
    assert "\nconfidence: null\n" in file.read_text(encoding="utf-8")

    page.click("#reset")
    assert differing(saved(), by_hand)[1] > 20
    page.set_input_files("#extra", file)
    assert differing(saved(), images.read(file.with_name("saved-vi_fused.png")))[1] <= 2
