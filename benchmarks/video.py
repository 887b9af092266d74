"""Time the fusion of two videos against what their decoding and encoding alone take, side by side.

python benchmarks/video.py [--size WxH] [--frames N] [--repeat N] [--weights NAME|FILE] [--json FILE]

The made-up videos pan over a night street with fresh noise in every frame, which H.264 finds harder than most footage.
"""

import argparse
import json
import tempfile
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse import models
from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.engine import make
from mmdrfuse.images.video.files import VideoSource, writing_video
from mmdrfuse.images.video.frames import Frame, Layout
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.fuse.nearest import nearest
from mmdrfuse.pipeline.fuse.video import BUFFERED_FRAMES, fuse_sequences
from mmdrfuse.system.prefetch import prefetch
from timing import machine, time_interleaved

RATE = Fraction(30)
NOISE = 2.0
"""Standard deviation, in levels."""


def main() -> None:
    """Print the table, and write it as JSON with --json."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    checkpoint = models.read(arguments.weights)
    choices = Choices(Fuser(make(checkpoint)), checkpoint)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_videos(folder, width, height, arguments.frames)
        sides = VideoSource(folder / "ir.mp4"), VideoSource(folder / "vi.mp4")
        work = {
            "decoding both and encoding one": lambda: _codec_alone(*sides, folder / "copy.mp4"),
            "whole run": lambda: _consume(fuse_sequences(choices, *sides, folder / "out.mp4", overwrite=True)),
        }
        rows = time_interleaved(work, arguments.repeat)
        sizes = {file: (folder / f"{file}.mp4").stat().st_size for file in ("ir", "vi", "copy", "out")}
    for label, row in rows.items():
        row["frames per second"] = 1000 * arguments.frames / row["median"]
        row["processor ms a frame"] = row["processor"] / arguments.frames
        spent = f"processor {row['processor ms a frame']:6.2f} ms a frame"
        print(f"{label:32} {row['frames per second']:7.1f} frames/s   {spent}")
    alone, whole = (row["processor"] for row in rows.values())
    print(f"fusing takes {100 * (whole / alone - 1):.0f} % on top of the codecs   ({machine()['processor']})")
    if arguments.json:
        document = {
            "machine": machine(), "size": arguments.size, "frames": arguments.frames, "bytes": sizes, "rows": rows
        }  # fmt: skip
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _write_videos(folder: Path, width: int, height: int, count: int) -> None:
    made, rng = scene(1, height=height, width=width + 2 * count), np.random.default_rng(2)
    chroma = np.full((height // 2, width // 2), 120, np.uint8), np.full((height // 2, width // 2), 134, np.uint8)
    for name, picture in (("ir", made.infrared), ("vi", made.visible[..., 1])):
        with writing_video(folder / f"{name}.mp4", Layout(width, height, RATE), sound=None, comment="") as write:
            for number in range(count):
                seen = picture[:, 2 * number : 2 * number + width] + NOISE * rng.standard_normal((height, width))
                write(Frame(number / RATE, np.clip(seen, 0, 255).astype(np.uint8), chroma))


def _codec_alone(infrared: VideoSource, visible: VideoSource, out: Path) -> None:
    """Run everything except the fusion."""
    with (
        closing(prefetch(infrared.frames(), buffer_size=BUFFERED_FRAMES)) as others,
        closing(prefetch(visible.frames(), buffer_size=BUFFERED_FRAMES)) as frames,
        writing_video(out, visible.layout, sound=visible.path, comment="") as write,
    ):
        for _, frame in nearest(others, frames):
            write(frame)


def _consume(items: Any) -> None:
    for _ in items:
        pass


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--weights", default="ivif")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
