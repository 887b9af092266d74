"""Pictures survive the way to disk and back; what cannot be read is named."""

import hashlib
import os
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmdrfuse.errors import InputError, OutputError
from mmdrfuse.images import decode, encode, load, read, write
from mmdrfuse.images.formats import tiff
from mmdrfuse.images.formats.tiff_blocks import BlockReader

LOSSLESS = [
    (".png", np.uint8, (5, 7)), (".png", np.uint8, (5, 7, 3)), (".png", np.uint16, (5, 7)),
    (".tif", np.uint16, (5, 7)), (".tif", np.float32, (5, 7)), (".bmp", np.uint8, (5, 7, 3)),
    (".png", np.uint16, (5, 7, 3)), (".tif", np.uint16, (5, 7, 3)), (".tif", np.float32, (5, 7, 3)),
]  # fmt: skip


def picture(shape, dtype, rng):
    return rng.random(shape, dtype=np.float32) if dtype == np.float32 else rng.integers(0, 255, shape).astype(dtype)


@pytest.mark.parametrize(("suffix", "dtype", "shape"), LOSSLESS)
def test_lossless_formats_return_what_was_written(tmp_path, rng, suffix, dtype, shape):
    image = picture(shape, dtype, rng)
    write(tmp_path / f"a{suffix}", image)
    again = read(tmp_path / f"a{suffix}")
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, image)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_return_nearly_what_was_written(tmp_path, suffix):
    ramp = np.tile(np.arange(0, 128, 2, dtype=np.uint8), (32, 1))
    write(tmp_path / f"a{suffix}", ramp)
    again = read(tmp_path / f"a{suffix}")
    assert np.abs(again.reshape(32, 64, -1)[..., 0].astype(int) - ramp).max() <= 4


def test_sixteen_bit_values_exceed_eight_bits(tmp_path):
    write(tmp_path / "a.png", np.array([[0, 65535], [300, 40000]], np.uint16))
    assert read(tmp_path / "a.png").tolist() == [[0, 65535], [300, 40000]]


def test_palette_is_expanded_and_transparency_dropped(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "p.png")
    Image.fromarray(colours).convert("RGBA").save(tmp_path / "a.png")
    for name in ("p.png", "a.png"):
        np.testing.assert_array_equal(read(tmp_path / name), colours)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "a.png", exif=exif)
    assert read(tmp_path / "a.png").tolist() == [[0], [255]]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png: no such file"):
        read(tmp_path / "gone.png")


def test_a_text_with_the_ending_of_a_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(InputError, match=r"a\.png: not a picture in a known format"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_a_truncated_file_is_named(tmp_path, rng, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, picture((64, 64, 3), np.uint8, rng))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"a\{suffix}: "):
        read(path)


def test_thirty_two_bit_values_beyond_sixteen_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: holds int32 values 0\.\.70000"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [("a.xyz", np.uint8, r"cannot write \.xyz"), ("a", np.uint8, "a file without ending"),
     ("a.jpg", np.uint16, r"\.jpg cannot hold uint16 grey")],
)  # fmt: skip
def test_types_that_a_format_cannot_hold_are_refused(tmp_path, name, dtype, message):
    with pytest.raises(OutputError, match=message):
        write(tmp_path / name, np.zeros((2, 2), dtype))


def test_an_existing_file_is_replaced_only_with_overwrite(tmp_path):
    path, image = tmp_path / "a.png", np.zeros((2, 2), np.uint8)
    write(path, image)
    with pytest.raises(OutputError, match="exists already"):
        write(path, image + 1, overwrite=False)
    assert read(path).max() == 0


def test_a_failed_write_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    write(path, np.zeros((2, 2), np.uint8))
    with pytest.raises(OutputError):
        write(path, np.zeros((2, 2, 3), np.float32))
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("mode", ["P", "PA", "LA", "RGBA", "1", "CMYK"])
def test_every_kind_of_pixel_becomes_grey_or_rgb(tmp_path, mode):
    picture = Image.fromarray(np.array([[[255, 255, 255], [0, 0, 0]]] * 2, np.uint8))
    picture.convert(mode).save(tmp_path / "a.tif" if mode in {"CMYK", "PA"} else tmp_path / "a.png")
    got = read(next(tmp_path.iterdir()))
    assert got.ndim == (2 if mode in {"LA", "1"} else 3)
    assert got.reshape(2, 2, -1)[..., 0].tolist() == [[255, 0]] * 2


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"keep_rgb": True}])
def test_luminance_alone_is_that_of_the_colours(tmp_path, options):
    ramp = np.linspace(0, 255, 48).astype(np.uint8)
    colours = np.stack(np.broadcast_arrays(ramp, ramp[::-1, None], np.uint8(90)), axis=-1)
    Image.fromarray(colours).save(tmp_path / "a.jpg", quality=100, **options)
    gray = load(tmp_path / "a.jpg", gray=True)
    assert gray.image.shape == (48, 48)
    np.testing.assert_allclose(gray.image, colours @ [0.299, 0.587, 0.114], atol=4)
    assert gray.sha256 == load(tmp_path / "a.jpg").sha256


@pytest.mark.parametrize("marked", [True, False])
def test_inks_of_a_jpeg_are_inverted_only_under_the_marker_of_adobe(tmp_path, marked):
    """As libvips, ImageMagick and browsers have it."""
    inks = np.broadcast_to(np.array([0, 255, 255, 0], np.uint8), (16, 16, 4))  # red
    Image.frombytes("CMYK", (16, 16), (inks if marked else 255 - inks).tobytes()).save(tmp_path / "a.jpg", quality=100)
    content = (tmp_path / "a.jpg").read_bytes()
    marker = content.find(b"\xff\xee\x00\x0eAdobe")
    if not marked:
        (tmp_path / "a.jpg").write_bytes(content[:marker] + content[marker + 16 :])
    np.testing.assert_allclose(read(tmp_path / "a.jpg")[0, 0], [255, 0, 0], atol=2)


def test_palette_with_transparent_entries_keeps_its_colours(tmp_path):
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(tmp_path / "a.png", transparency=bytes([0, 128, 255]))
    assert read(tmp_path / "a.png").tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]


def test_the_content_decides_the_format_not_the_name(tmp_path, rng):
    image = picture((5, 7, 3), np.uint8, rng)
    write(tmp_path / "a.bmp", image)
    np.testing.assert_array_equal(read((tmp_path / "a.bmp").rename(tmp_path / "a.jpg")), image)


def test_too_many_pixels_are_refused_in_one_sentence(tmp_path, monkeypatch):
    write(tmp_path / "a.png", np.zeros((50, 50), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(InputError, match=r"a\.png: too many pixels to be held at once"):
        read(tmp_path / "a.png")


def test_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lower_quality_makes_a_smaller_file(rng, suffix):
    image = picture((64, 64, 3), np.uint8, rng)
    assert len(encode(image, suffix, quality=30)) < len(encode(image, suffix)) < len(encode(image, suffix, quality=100))


@pytest.mark.parametrize(
    ("suffix", "quality", "message"),
    [(".png", 80, r"no quality 80 in \.png; \.jpeg, \.jpg, \.webp have 1 to 100"),
     (".jpg", 0, "no quality 0"), (".webp", 101, "no quality 101")],
)  # fmt: skip
def test_quality_that_does_not_exist_is_refused(suffix, quality, message):
    with pytest.raises(OutputError, match=message):
        encode(np.zeros((2, 2), np.uint8), suffix, quality=quality)


def test_picture_larger_than_its_format_allows_is_refused():
    with pytest.raises(OutputError, match=r"\.webp cannot hold this picture"):
        encode(np.zeros((1, 20000), np.uint8), ".webp")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_the_hash_is_of_the_bytes_that_were_decoded(tmp_path, rng, suffix):
    write(tmp_path / f"a{suffix}", picture((5, 7), np.uint8, rng))
    expected = hashlib.sha256((tmp_path / f"a{suffix}").read_bytes()).hexdigest()
    assert load(tmp_path / f"a{suffix}").sha256 == expected


@pytest.mark.parametrize("suffix", ["webp", "png", "gif"])
def test_frames_of_an_animation_are_chosen_by_page(tmp_path, suffix):
    path, levels = tmp_path / f"a.{suffix}", (10, 120, 240)
    first, *others = [Image.fromarray(np.full((8, 9, 3), level, np.uint8)) for level in levels]
    options = {"lossless": True} if suffix == "webp" else {}
    first.save(path, save_all=True, append_images=others, duration=100, **options)
    for page, level in ((None, 10), *enumerate(levels, 1)):
        assert np.unique(read(path, page=page)).tolist() == [level]
    for page in (0, 4):
        with pytest.raises(InputError, match=rf"a\.{suffix}: holds 3 frames and there is no {page}") as caught:
            read(path, page=page)
        assert caught.value.cure == "page"


def test_what_is_shown_in_place_of_an_animation_is_no_frame(tmp_path):
    shown, *frames = [Image.fromarray(np.full((8, 9), level, np.uint8)) for level in (1, 2, 3)]
    shown.save(tmp_path / "a.png", save_all=True, append_images=frames, default_image=True)
    assert [read(tmp_path / "a.png", page=page).max() for page in (None, 1, 2)] == [1, 2, 3]


@pytest.mark.parametrize("load", [read, BlockReader])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, load):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif: is a pipe, device or socket"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize("failure", [MemoryError, IndexError, NotImplementedError, struct.error, RecursionError])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_any_failure_of_a_decoder_is_one_error_that_names_the_file(tmp_path, monkeypatch, failure, suffix):
    write(tmp_path / f"a{suffix}", np.zeros((4, 5), np.uint8))

    def fail(*_, **__):
        raise failure("deep inside")

    monkeypatch.setattr(tiff.PageReader, "block", fail)
    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(InputError, match=rf"a\{suffix}: "):
        read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
@pytest.mark.parametrize("size", ["same", "other"])
def test_the_place_on_earth_goes_into_small_files_of_the_same_size(tmp_path, shape, size):
    tags = [(33550, "d", 3, (0.5, 0.5, 0.0), True), (34737, "s", 0, "WGS 84|", True)]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8), extratags=tags)
    picture = load(tmp_path / "a.tif")
    image = picture.image if size == "same" else picture.image[1:]
    write(tmp_path / "b.tif", image, metadata=picture.metadata)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        found = file.pages.first.tags
        assert found.valueof(33550) == ((0.5, 0.5, 0.0) if size == "same" else None)
        assert found.valueof(34737) == ("WGS 84|" if size == "same" else None)


def test_postscript_is_never_handed_to_a_program(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_: pytest.fail("Ghostscript was started"))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(InputError, match=r"a\.eps: not a picture"):
        decode(eps, "a.eps")
