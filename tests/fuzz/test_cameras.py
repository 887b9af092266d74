"""Damaged files of thermal cameras, scanners and videos: they are read, or one error names them."""

import gzip
import warnings
from fractions import Fraction

import numpy as np
import pytest
from camera_files import dicom, flir, nifti
from mutations import TRIES, blamed, mutated

from mmdrfuse.images import load
from mmdrfuse.images.video.files import VideoSource

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 4096, (16, 20)).astype(np.uint16)
COLOURS = RNG.integers(0, 256, (16, 20, 3)).astype(np.uint8)
WINDOW = {"t00281050": ("DS", "2000"), "t00281051": ("DS", "3000"), "t00281052": ("DS", "-5"), "t00281053": ("DS", "2")}
VOLUME = nifti(RNG.integers(-99, 99, (3, 6, 5)).astype("<i2"), 4)

SCANS = {
    "dicom": dicom(GREY, stored=12, **WINDOW),
    "dicom colours": dicom(COLOURS, "YBR_FULL", "rle"),
    "dicom frames": dicom(np.stack([GREY] * 3), "MONOCHROME1", "rle", frames=3),
    "nifti": VOLUME,
    "nifti packed": gzip.compress(VOLUME),
}


def read_all(path, **options):
    """Read what may be damaged as a user would, whom warnings of libraries do not stop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with blamed(path):
            image = load(path, **options).image
            assert image.ndim in (2, 3)
            assert image.dtype in (np.uint8, np.uint16, np.float32)


@pytest.mark.parametrize("side", ["infrared", "visible"])
def test_a_damaged_thermal_picture_is_read_or_named(tmp_path, side):
    pytest.importorskip("flyr", reason="needs the extra flir")
    content, path = flir(orientation=6, zoom=2), tmp_path / "a.jpg"
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        read_all(path, side=side)


@pytest.mark.parametrize("kind", SCANS)
def test_a_damaged_scan_is_read_or_named(tmp_path, kind):
    pytest.importorskip("SimpleITK", reason="needs the extra medical")
    path = tmp_path / "a"
    for seed in range(TRIES // 2):
        path.write_bytes(mutated(SCANS[kind], seed))
        read_all(path, page=1)


@pytest.fixture
def video(tmp_path):
    av = pytest.importorskip("av", reason="needs the extra video")
    with av.open(str(tmp_path / "video.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(RNG.integers(0, 256, (72, 64)).astype(np.uint8), "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return tmp_path / "video.mp4"


def test_a_damaged_video_is_read_or_named(video):
    content = video.read_bytes()
    head = content.find(b"moov")  # most of the file is pixels, most of the sense is here
    for seed in range(TRIES // 4):
        start = head if seed % 2 else 0
        video.write_bytes(content[:start] + mutated(content[start:], seed))
        source, last = VideoSource(video), None
        with blamed(video):
            layout = source.layout
            for frame in source.frames():
                assert frame.luma.shape == (layout.height, layout.width)
                assert last is None or frame.time > last
                last = frame.time
