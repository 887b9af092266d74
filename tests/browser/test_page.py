"""The page fuses as the command does, by each of its three engines, and says in words what it cannot do."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import mmdrfuse
from mmdrfuse import images, models
from mmdrfuse.datasets.sets.pairing import pair_folders
from mmdrfuse.export import render
from mmdrfuse.export.page import write_page
from mmdrfuse.registration import rig

ENGINES = {"js": "JavaScript", "webgl2": "WebGL2", "webgpu": "WebGPU"}
SIDES = ("infrared", "visible")


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

    def open_(engine="js", files=()):
        if engine == "webgpu":
            page.goto(page_file.as_uri())
            if not page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)"):
                pytest.skip("needs a browser with WebGPU")
        page.goto(f"{page_file.as_uri()}?engine={engine}")
        page.wait_for_selector(f'body[data-engine="{ENGINES[engine]}"]')
        for side, file in zip(SIDES, files, strict=False):
            page.set_input_files(f"#side-{side} .file", file)
        if files:
            page.wait_for_selector("body[data-fused]")
        return page

    return open_


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


def differing(file, expected):
    """Return the share of pixels that differ, and the largest difference; the page's files have three channels."""
    channels = expected if expected.ndim == 3 else expected[..., None]
    difference = np.abs(images.read(file).astype(int) - channels).max(axis=2)
    return (difference > 0).mean(), difference.max()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_each_engine_gives_the_suites_pixels(engine, opened, saved, pictures):
    files, (infrared, visible) = pictures(ir=(83, 131), vi=(83, 131, 3))
    page = opened(engine, files)
    for weights in ("night", "medical", "scenes"):
        page.select_option("#weights", weights)
        share, largest = differing(saved(), mmdrfuse.fuse(infrared, visible, weights=weights))
        assert (share <= 0.001, largest <= 1) == (True, True), (weights, share, largest)
    page.uncheck("#colour")
    share, largest = differing(saved(), mmdrfuse.fuse(infrared, images.luminance(visible)))
    assert (share <= 0.001, largest <= 1) == (True, True)
    assert page.inner_text("#status").startswith(f"{ENGINES[engine]} · 131×83 · ")
    assert "frames per second" in page.inner_text("#status")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_the_smallest_pictures_and_the_infrareds_colour(engine, opened, saved, pictures):
    files, (infrared, visible) = pictures(ir=(2, 3, 3), vi=(2, 3))
    opened(engine, files).select_option("#weights", "day")
    assert differing(saved(), mmdrfuse.fuse(infrared, visible, weights="day"))[1] <= 1


@pytest.mark.parametrize(("engine", "kind"), [("webgl2", "glsl"), ("webgpu", "wgsl")])
def test_the_page_runs_the_text_that_is_exported(engine, kind, opened, pictures, page):
    page.add_init_script("""
        window.texts = [];
        const keep = (type, name, at) => {
            const original = type?.prototype[name];
            if (original) type.prototype[name] = function (...all) {
                texts.push(at(all));
                return original.apply(this, all);
            };
        };
        keep(WebGL2RenderingContext, "shaderSource", ([, text]) => text);
        keep(window.GPUDevice, "createShaderModule", ([{code}]) => code);
    """)
    files, _ = pictures(ir=(8, 9), vi=(8, 9))
    opened(engine, files).select_option("#weights", "clean")
    page.wait_for_selector('body[data-fused="2"]')
    exported = re.sub(r"^ *//.*\n|^ +|^\n", "", render("clean", kind).decode(), flags=re.MULTILINE)
    assert sum(exported in text for text in page.evaluate("texts")) == 2  # both layers


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_rig_made_by_hand_is_read_by_fuse_and_gives_the_pages_picture(engine, opened, saved, pictures):
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


def test_weights_are_taken_from_a_file_and_everything_else_is_refused(opened, saved, pictures, tmp_path):
    files, (infrared, visible) = pictures(ir=(20, 30), vi=(20, 30))
    page = opened("js", files)
    own = tmp_path / "own.safetensors"
    arrays = {name: array * np.float32(0.9) for name, array in models.read("day").arrays.items()}
    models.write(own, arrays, {"range": "minmax", "title": "<b>mine</b>"})
    page.set_input_files("#extra", own)
    page.wait_for_selector("text=own.safetensors: weights loaded.")
    assert "<b>mine</b>, made for minmax" in page.inner_text("#about")
    expected = mmdrfuse.fuse(infrared, visible, weights=own)
    assert differing(saved(), expected)[1] <= 1

    content = own.read_bytes()
    huge = (2**40).to_bytes(8, "little") + content[8:]
    shapes = content.replace(b"[4,2,3,3]", b"[8,1,3,3]")
    wrong = {"cut": content[:-8], "huge": huge, "text": b"some words, no weights", "other": shapes, "empty": b""}
    wrong["finite"] = content[:-4] + np.float32(np.nan).tobytes()
    for name, damaged in wrong.items():
        file = tmp_path / f"{name}.safetensors"
        file.write_bytes(damaged)
        page.set_input_files("#extra", file)
        page.wait_for_selector(f"text={name}.safetensors: ")
        assert page.inner_text("#message").endswith("Give a .safetensors file with the 113 numbers of a student.")
    page.set_input_files("#extra", models.checkpoints.SHIPPED / "teacher.safetensors")
    page.wait_for_selector("text=teacher.safetensors: ")
    assert differing(saved(), expected)[1] <= 1


def test_folders_are_paired_by_the_suites_rules(opened, pictures, tmp_path):
    names = {
        "infrared": ("a_ir", "IR_meting003_g", "same", "lonely", "double-ir", "double_IR", "x.1-thermal", "Iris"),
        "visible": ("a_vis", "VIS_meting003_r", "same", "double-vis", "X_1 rgb", "iris", "notes"),
    }
    (file,), _ = pictures(one=(4, 4))
    for side in SIDES:
        (tmp_path / side).mkdir()
        for name in names[side]:
            (tmp_path / side / f"{name}.{'txt' if name == 'notes' else 'png'}").write_bytes(file.read_bytes())
    page = opened()
    for side in SIDES:
        page.set_input_files(f"#side-{side} .directory", tmp_path / side)
    page.wait_for_selector("body[data-fused]")
    options = page.locator("#pair option").all_inner_texts()
    expected = pair_folders(tmp_path / "infrared", tmp_path / "visible")
    assert sorted(option.split(": ")[1] for option in options) == sorted(pair.name for pair in expected.pairs)
    unused = len(expected.orphans) + len(expected.ignored) + sum(map(len, expected.ambiguous))
    assert page.inner_text("#unpaired") == f"{unused} files without a partner"
    page.click("#next")
    page.wait_for_selector('body[data-fused="2"]')
    assert page.input_value("#pair") == "1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"words", "this is no rig"),
        ("notes.md", b"words", "is no picture or video that this browser can show"),
        ("<img src=x onerror=alert(1)>.png", b"\x89PNG", "<img src=x onerror=alert(1)>.png is no picture"),
        ("deep.png", 16, "deep.png has 16 bits a pixel"),
        ("line.png", 8, "line.png has 9×1 pixels"),
        ("rig.yaml", b"mmdrfuse_rig: 2\nmatrix: [1]", "rig file of version 2"),
        ("film.mp4", b"0000ftyp", "is no video that this browser can play"),
    ],
)
def test_what_cannot_be_used_is_named_in_a_sentence(name, content, words, opened, tmp_path):
    if isinstance(content, int):
        images.write(tmp_path / name, np.zeros((1, 9) if content == 8 else (4, 4), f"uint{content}"))
    else:
        (tmp_path / name).write_bytes(content)
    page = opened()
    page.set_input_files("#side-visible .file", tmp_path / name)
    page.wait_for_selector("#message:visible")
    assert words in page.inner_text("#message")


def test_transparency_is_dropped_and_colours_under_it_stay(opened, saved, rng, tmp_path):
    pair = rng.integers(0, 256, (2, 12, 16, 4), np.uint8)
    files = [tmp_path / "ir.png", tmp_path / "vi.png"]
    for file, picture in zip(files, pair, strict=True):
        Image.fromarray(picture).save(file)
    opened("js", files).select_option("#weights", "day")
    assert differing(saved(), mmdrfuse.fuse(*pair[..., :3], weights="day"))[1] <= 1


def test_unequal_sizes_are_fitted_and_said(opened, pictures):
    files, _ = pictures(ir=(40, 50), vi=(80, 120))
    page = opened("js", files)
    assert "50×40 pixels, the visible 120×80" in page.inner_text("#message")
    assert page.inner_text("#status").startswith("JavaScript · 120×80")


@pytest.mark.parametrize("engine", ["js", "webgl2"])
def test_two_videos_are_fused_as_they_play(engine, opened, tmp_path):
    av = pytest.importorskip("av", reason="needs av, which makes the videos")
    for side, shade in (("ir", 0), ("vi", 60)):
        with av.open(str(tmp_path / f"{side}.webm"), "w") as container:
            stream = container.add_stream("libvpx", rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
            for index in range(10):
                picture = np.full((32, 48, 3), shade + 15 * index, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode())
    page = opened(engine, [tmp_path / "ir.webm", tmp_path / "vi.webm"])
    page.wait_for_selector("#transport:visible")
    page.wait_for_selector("text=/ [1-9][0-9]* frames per second/")
    assert page.inner_text("#about").startswith("day: ")
    page.click("#play")
    page.wait_for_selector("#play:text('Play')")


@pytest.mark.slow
def test_two_cameras_are_fused(opened):
    page = opened("webgl2")
    for side in SIDES:
        page.click(f"#side-{side} .camera")
    page.wait_for_selector("text=/ [1-9][0-9]* frames per second/")
    assert "fake" in page.inner_text("#side-visible .name")


def test_the_divider_and_the_picture_obey_the_keyboard(opened, pictures):
    files, _ = pictures(ir=(40, 60), vi=(40, 60))
    page = opened("js", files)
    page.focus("#divider")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#divider", "aria-valuenow") == "52"
    page.check('input[value="none"]', force=True)
    assert not page.is_visible("#divider")
    page.focus("#stage")
    page.keyboard.press("+")
    assert "scale(" in page.get_attribute("#picture", "style")
    page.click("#align summary")
    page.wait_for_selector("#stage.moves")
    page.focus("#stage")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.input_value('#sliders input[type="number"][data-key="right"]') == "-10"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off_and_everything_has_a_name(scheme, browser, watch, page_file):
    with browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme) as context:
        page = context.new_page()
        faults = watch(page)
        page.goto(f"{page_file.as_uri()}?engine=js")
        page.click("#example")
        page.wait_for_selector("body[data-fused]")
        page.click("#align summary")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        nameless = (
            "nodes => nodes.filter(n => n.checkVisibility() && !(n.ariaLabel || n.labels?.length || n.innerText))"
        )
        assert page.eval_on_selector_all("button, input, select", f"{nameless}.map(n => n.outerHTML)") == []
    assert faults == []


def test_the_page_is_small_and_the_browser_lets_it_ask_nobody(page_file):
    content = page_file.read_bytes()
    assert len(content) < 100_000
    assert b"default-src 'none'" in content
    assert not re.search(rb"(src|href)=.(?!data:,)", content.replace(b"link.href", b""))


def test_names_within_the_page_end_no_element(tmp_path):
    file = tmp_path / "x.safetensors"
    models.write(file, models.read("day").arrays, {"title": "</script><script>alert(1)</script>"})
    content = render(file, "page").decode()
    assert content.count("</script>") == 2
    data = re.search(r'id="data">(.*?)</script>', content, re.DOTALL)[1]
    assert json.loads(data)["selected"] == "x.safetensors"
