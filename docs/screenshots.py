"""Take the pictures of the docs that show HTML in a browser, from the made-up scenes alone.

    python docs/screenshots.py DEMO

DEMO is the folder that `mmdrfuse demo` wrote. It needs playwright and the command chromium.
"""

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from mmdrfuse.datasets import pair_folders
from mmdrfuse.pipeline.score import evaluate_folders
from mmdrfuse.reports import write_report

HERE = Path(__file__).parent
GAP = 16
"""Pixels between the two windows."""


def report(demo: Path, folder: Path) -> Path:
    """Write a report on the scenes of the demo, and return its file."""
    pairs = pair_folders(demo / "ir", demo / "vi").pairs
    evaluation = evaluate_folders({"mmdrfuse": demo / "fused"}, pairs, baselines=["max", "mean", "affine"])
    return write_report(evaluation, folder / "report.html").path


def windows(file: Path) -> list[Image.Image]:
    """Return the report in a wide, light window and in a phone-sized, dark one."""
    taken = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width, height, scheme, place in ((1280, 1640, "light", "main"), (390, 1640, "dark", "#panes")):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(file.as_uri())
            page.wait_for_selector("#panes canvas")
            page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
            page.locator(place).evaluate("(one) => one === document.querySelector('main') || one.scrollIntoView()")
            page.wait_for_timeout(300)
            taken.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        browser.close()
    return taken


def main() -> None:
    """Write `report.webp`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path)
    demo = parser.parse_args().demo
    with tempfile.TemporaryDirectory() as folder:
        wide, phone = windows(report(demo, Path(folder)))
    both = Image.new("RGB", (wide.width + GAP + phone.width, wide.height), "white")
    both.paste(wide, (0, 0))
    both.paste(phone, (wide.width + GAP, 0))
    both = both.resize((both.width // 2, both.height // 2), Image.Resampling.LANCZOS)
    both.save(HERE / "report.webp", quality=58, method=6)


if __name__ == "__main__":
    main()
