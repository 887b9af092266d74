"""What the page takes, and what it refuses in a sentence."""

import numpy as np
import pytest

import mmdrfuse
from mmdrfuse import images, models
from mmdrfuse.datasets.sets.pairing import pair_folders
from mmdrfuse.export import render
from mmdrfuse.pipeline.fuse.automatic import Automatic, Shares

SIDES = ("infrared", "visible")


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_two_files_at_once_go_to_the_sides_that_their_names_say(event, opened, saved, pictures, differing):
    files, (visible, infrared) = pictures(scene_vis=(9, 12, 3), scene_ir=(9, 12))
    page = opened("js")
    contents = [[file.name, list(file.read_bytes())] for file in files]
    page.evaluate(
        """([event, contents]) => {
            const data = new DataTransfer();
            for (const [name, bytes] of contents) data.items.add(new File([new Uint8Array(bytes)], name));
            const details = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
            const type = { drop: DragEvent, paste: ClipboardEvent }[event];
            document.body.dispatchEvent(new type(event, details));
        }""",
        [event, contents],
    )
    page.wait_for_selector("body[data-fused]")
    assert "scene_ir.png" in page.inner_text("#side-infrared .name")
    page.select_option("#weights", "day")
    assert differing(saved(), mmdrfuse.fuse(infrared, visible, weights="day"))[1] <= 1


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

    saved = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    page.click("#save-all")
    while len(saved) < len(expected.pairs):
        page.wait_for_timeout(20)
    assert sorted(saved) == sorted(f"{pair.name}_fused.png" for pair in expected.pairs)


@pytest.fixture
def videos(tmp_path):
    """Make an infrared and a visible video of 48×32 pixels, each frame of one level, from the two first ones up."""
    av = pytest.importorskip("av", reason="needs av, which makes the videos")

    def make(infrared, visible):
        for side, first in (("ir", infrared), ("vi", visible)):
            with av.open(str(tmp_path / f"{side}.webm"), "w") as container:
                stream = container.add_stream("libvpx", rate=10)
                stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
                for index in range(10):
                    picture = np.full((32, 48, 3), first + index, np.uint8)
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
                container.mux(stream.encode())
        return [tmp_path / "ir.webm", tmp_path / "vi.webm"]

    return make


@pytest.mark.parametrize(("engine", "level", "dark"), [("js", 60, 0.0), ("webgl2", 5, 1.0)])
def test_two_videos_are_fused_as_they_play(engine, level, dark, opened, videos):
    """The weights are those of their light."""
    page = opened(engine, videos(100, level))
    page.wait_for_selector("#transport:visible")
    page.wait_for_selector("text=/ [1-9][0-9]* frames per second/")
    assert page.inner_text("#about").startswith(f"{Automatic().name(Shares(dark=dark), moving=True)}: ")
    page.click("#play")
    page.wait_for_selector("#play:text('Play')")


def test_a_video_without_a_frame_to_draw_yet_is_waited_for(opened, page, videos):
    page.add_init_script(
        """const { drawImage } = OffscreenCanvasRenderingContext2D.prototype;
        const videos = [];
        let early = 2;
        OffscreenCanvasRenderingContext2D.prototype.drawImage = function (video, ...place) {
            if (!videos.includes(video)) videos.push(video);
            if (video !== videos[1] || early-- <= 0) drawImage.call(this, video, ...place);
        };"""
    )
    opened("webgl2", videos(100, 5)).wait_for_selector("#about:text('night: ')")


@pytest.mark.slow
def test_two_cameras_are_fused(opened):
    page = opened("webgl2")
    for side in SIDES:
        page.click(f"#side-{side} .camera")
    page.wait_for_selector("text=/ [1-9][0-9]* frames per second/")
    assert "fake" in page.inner_text("#side-visible .name")


def test_one_folder_may_hold_both_sides(opened, scenes):
    page = opened()
    page.set_input_files("#side-visible .directory", scenes)
    page.wait_for_selector("body[data-fused]")
    options = page.locator("#pair option").all_inner_texts()
    expected = pair_folders(scenes / "ir", scenes / "vi")
    assert [option.split(": ")[1] for option in options] == [pair.name for pair in expected.pairs]


@pytest.mark.parametrize("black", [0.08, 0.13])
def test_the_automatic_choice_is_that_of_the_suite(black, opened, tmp_path):
    """The page's thresholds stand in its own code."""
    picture = np.full((60, 100), 90, np.uint8)
    picture[:, : round(100 * black)] = 4
    files = [tmp_path / "ir.png", tmp_path / "vi.png"]
    for file in files:
        images.write(file, picture)
    expected = Automatic().name(Shares(black=black))
    assert opened("js", files).inner_text("#about").startswith(f"{expected}: ")


def test_unequal_sizes_are_fitted_and_said(opened, pictures):
    files, _ = pictures(ir=(40, 50), vi=(80, 120))
    page = opened("js", files)
    assert "50×40 pixels, the visible 120×80" in page.inner_text("#message")
    assert page.inner_text("#status").startswith("JavaScript · 120×80")


def test_the_range_of_the_card_holds_where_it_is_fixed(opened, saved, pictures, tmp_path, differing):
    files, (infrared, visible) = pictures(ir=(9, 12), vi=(9, 12))
    own = tmp_path / "own.safetensors"
    models.write(own, models.read("day").arrays, {"range": "fixed:0.2,0.7"})
    content = render(own, "page").decode()
    assert '"range":"fixed:0.2,0.7"' in content
    opened("js", files).set_input_files("#extra", own)
    assert differing(saved(), mmdrfuse.fuse(infrared, visible, weights=own))[1] <= 1


def test_weights_are_taken_from_a_file_and_everything_else_is_refused(opened, saved, pictures, tmp_path, differing):
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


REFUSED = {
    "a.txt": (b"words", "this is no rig"),
    "notes.md": (b"words", "is no picture or video that this browser can show"),
    "<img src=x onerror=alert(1)>.png": (b"\x89PNG", "is no picture"),
    "deep.png": (np.zeros((4, 4), np.uint16), "has 16 bits a pixel"),
    "line.png": (np.zeros((1, 9), np.uint8), "has 9×1 pixels"),
    "rig.yaml": (b"mmdrfuse_rig: 2\nmatrix: [1]", "rig file of version 2"),
    "film.mp4": (b"0000ftyp", "is no video that this browser can play"),
}


def test_what_cannot_be_used_is_named_in_a_sentence(opened, tmp_path):
    page = opened()
    for name, (content, words) in REFUSED.items():
        file = tmp_path / name
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            images.write(file, content)
        page.set_input_files("#side-visible .file", file)
        page.wait_for_function("name => document.getElementById('message').textContent.startsWith(name)", arg=name)
        assert words in page.inner_text("#message")
