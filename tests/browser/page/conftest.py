"""The page, its pictures, and what it saves."""

import numpy as np
import pytest
from PIL import Image

from mmdrfuse import images
from mmdrfuse.export.page import write_page

ENGINES = {"js": "JavaScript", "webgl2": "WebGL2", "webgpu": "WebGPU"}


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "fuse.html"
    file.write_text(write_page(), encoding="utf-8")
    return file


@pytest.fixture
def pictures(rng, tmp_path):
    """A function that writes blurred noise as PNG files, grey or coloured, and returns files and arrays."""

    def make(**shapes):
        files, arrays = [], []
        for name, shape in shapes.items():
            channels = shape[2:] or (1,)
            coarse = rng.integers(0, 256, (shape[0] // 3 + 2, shape[1] // 3 + 2, *channels), np.uint8)
            planes = [Image.fromarray(plane).resize(shape[1::-1], 3) for plane in np.moveaxis(coarse, -1, 0)]
            arrays.append(np.stack(planes, axis=-1).reshape(shape))
            files.append(tmp_path / f"{name}.png")
            images.write(files[-1], arrays[-1])
        return files, arrays

    return make


@pytest.fixture
def opened(page, page_file):
    """A function that opens the page with an engine, gives it two files, and waits for the fused picture."""

    def open_page(engine="js", files=()):
        if engine == "webgpu":
            page.goto(page_file.as_uri())
            if not page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)"):
                pytest.skip("needs a browser with WebGPU")
        page.goto(f"{page_file.as_uri()}?engine={engine}")
        page.wait_for_selector(f'body[data-engine="{ENGINES[engine]}"]')
        for side, file in zip(("infrared", "visible"), files, strict=False):
            page.set_input_files(f"#side-{side} .file", file)
        if files:
            page.wait_for_selector("body[data-fused]")
        return page

    return open_page


@pytest.fixture
def saved(page, tmp_path):
    """A function that clicks a button that saves, and returns the file."""

    def save(button="#save"):
        with page.expect_download() as download:
            page.click(button)
        file = tmp_path / f"saved-{download.value.suggested_filename}"
        download.value.save_as(file)
        return file

    return save


@pytest.fixture(scope="session")
def differing():
    """A function that returns the share of pixels that differ, and the largest difference."""

    def compare(file, expected):
        channels = expected if expected.ndim == 3 else expected[..., None]  # the page writes three channels
        difference = np.abs(images.read(file).astype(int) - channels).max(axis=2)
        return (difference > 0).mean(), difference.max()

    return compare
