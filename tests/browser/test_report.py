"""The report in a real browser: everything that a reader can do works, without an error and without a request."""

import csv
import io
import math
import shutil

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import pair_folders
from mmdrfuse.detection import detect_folders
from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.pipeline.score import Evaluation, Scores, evaluate_folders
from mmdrfuse.reports import write_detection_report, write_report

EVIL = "<img onerror=alert(1) src=x>"
METRICS = ("SD", "VIF", "MSE")
METHODS = ("max", "mean", "affine")


@pytest.fixture(scope="module")
def evaluation(scenes, tmp_path_factory):
    """Four pairs, one of which is called like markup, and three methods."""
    folder = tmp_path_factory.mktemp("sources")
    for side in ("ir", "vi"):
        shutil.copytree(scenes / side, folder / side)
        shutil.copy(folder / side / "street_0001.png", folder / side / f"{EVIL}.png")
    pairs = pair_folders(folder / "ir", folder / "vi").pairs
    return evaluate_folders((), pairs, baselines=METHODS, metrics=METRICS)


@pytest.fixture(scope="module")
def file(evaluation, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    labels = Labels(("person",), {"street_0000": LabelledPicture.of([[0, 0, 64, 96]], [0], size=(128, 96))}, "VOC", "")
    write_report(evaluation, path, labels=labels)
    return path


@pytest.fixture
def report(page, file):
    """The page with the report, which has drawn its first pair."""
    page.goto(file.as_uri())
    page.wait_for_selector("#panes canvas")
    settle(page)
    return page


def settle(page):
    """Wait until everything is drawn that the last change asked for."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def rows(page):
    return page.locator("#scores tbody tr:visible bdi").all_inner_texts()


def choose(page, name, first=0, second=1):
    """Show the pair of that name, and compare two of its pictures."""
    page.locator("#list button").filter(has_text=name).first.click()
    page.wait_for_function("name => document.getElementById('pair-name').textContent === name", arg=name)
    page.locator("#first").select_option(str(first))
    page.locator("#second").select_option(str(second))
    page.evaluate("document.activeElement.blur()")
    settle(page)


def pixels(page, selector, width=64, height=48):
    """Return a canvas without its cursor as some grey levels, each that of the pixel at its place."""
    script = """([selector, width, height]) => {
        view.cursor = null;
        drawAll();
        const small = document.createElement("canvas");
        [small.width, small.height] = [width, height];
        const context = small.getContext("2d", { willReadFrequently: true });
        context.imageSmoothingEnabled = false;
        context.drawImage(document.querySelector(selector), 0, 0, width, height);
        return Array.from(context.getImageData(0, 0, width, height).data.filter((_, index) => index % 4 === 0));
    }"""
    return np.array(page.evaluate(script, [selector, width, height]), float).reshape(height, width)


@pytest.mark.parametrize(("metric", "up"), [("SD", True), ("MSE", False)])
def test_a_click_on_a_metric_puts_the_best_on_top_and_another_the_worst(report, evaluation, metric, up):
    summary = evaluation.scores.summarise()
    expected = sorted(METHODS, key=lambda method: summary[method][metric].mean, reverse=up)
    heading = report.locator(f'#scores th[data-key="{METRICS.index(metric)}"]')
    heading.locator("button").click()
    assert rows(report) == expected
    assert heading.get_attribute("aria-sort") == ("descending" if up else "ascending")
    heading.locator("button").press("Enter")
    assert rows(report) == expected[::-1]


def test_hidden_methods_and_metrics_are_gone_everywhere_and_ranks_are_among_the_rest(report, evaluation):
    summary = evaluation.scores.summarise()
    best, second, _ = sorted(METHODS, key=lambda method: -summary[method]["SD"].mean)
    report.get_by_text("Methods", exact=True).first.click()
    report.locator("#show-methods").get_by_label(best).uncheck()
    report.keyboard.press("Escape")
    assert best not in rows(report)
    assert (
        report.locator(f'#scores tr[data-method="{METHODS.index(second)}"] td[data-metric="0"]').get_attribute("class")
        == "best"
    )
    assert report.locator("#panes figure:visible").count() == 4
    report.get_by_text("Metrics", exact=True).first.click()
    report.locator("#show-metrics").get_by_label("VIF").uncheck()
    assert report.locator('#scores [data-metric="1"]:visible').count() == 0
    assert "VIF" not in report.locator("#pair-scores thead").inner_text()


def copied(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_function("name => document.getElementById('copied').textContent === `${name} copied`", arg=name)
    return page.evaluate("navigator.clipboard.readText()")


def test_the_table_is_copied_as_it_is_shown(report, evaluation):
    summary = evaluation.scores.summarise()
    report.get_by_label("intervals").uncheck()
    report.get_by_label("deviations").uncheck()
    found = {row["method"]: row for row in csv.DictReader(io.StringIO(copied(report, "CSV")))}
    assert list(found) == list(METHODS)
    assert {method: float(row["VIF"]) for method, row in found.items()} == pytest.approx(
        {method: summary[method]["VIF"].mean for method in METHODS}, rel=1e-4
    )
    assert "VIF low" not in found["max"]
    best = max(METHODS, key=lambda method: summary[method]["SD"].mean)
    shown = f"{summary[best]['SD'].mean:.4g}"
    assert f"{best} & \\textbf{{{shown}}}" in copied(report, "LaTeX")
    assert f"| {best} | **{shown}** |" in copied(report, "Markdown")


def test_names_are_shown_as_they_are(report):
    choose(report, EVIL)
    assert report.locator("#pair-name").inner_text() == EVIL
    assert report.locator("img").count() == 0


def test_all_panes_share_zoom_and_pan(report):
    choose(report, "street_0000")
    whole = pixels(report, '#panes [data-picture="1"] canvas')
    report.keyboard.press("+")
    report.locator("#zoom-in").click()
    settle(report)
    assert report.locator("#zoom").inner_text() == "225 %"
    before = pixels(report, '#panes [data-picture="1"] canvas')
    middle = whole[13:35, 18:46]  # 225 % show the middle 44 %
    assert abs(before.mean() - middle.mean()) < 3
    box = report.locator('#panes [data-picture="3"] canvas').bounding_box()
    report.mouse.move(box["x"] + 50, box["y"] + 50)
    report.mouse.down()
    report.mouse.move(box["x"] + 50 + box["width"] / 8, box["y"] + 50)
    report.mouse.up()
    after = pixels(report, '#panes [data-picture="1"] canvas')
    assert abs(after[:, 8:] - before[:, :-8]).mean() < 0.3 * abs(after - before).mean()
    report.keyboard.press("0")
    settle(report)
    assert report.locator("#zoom").inner_text() == "100 %"


def test_the_slider_shows_one_picture_on_each_side(report):
    choose(report, "street_0000")
    report.locator("#split").fill("1000")
    settle(report)
    infrared = pixels(report, "#compare")
    report.locator("#split").fill("0")
    settle(report)
    visible = pixels(report, "#compare")
    report.locator("#split").fill("500")
    settle(report)
    both = pixels(report, "#compare")
    np.testing.assert_array_equal(both[:, :31], infrared[:, :31])
    np.testing.assert_array_equal(both[:, 33:], visible[:, 33:])
    assert abs(infrared - visible).mean() > 5


def test_the_flicker_key_changes_between_the_two(report):
    choose(report, "street_0000")
    shown = []
    for _ in range(3):
        report.keyboard.press("f")
        shown.append((report.locator("#compare-text").inner_text(), pixels(report, "#compare").mean()))
    assert shown[0] == shown[2] != shown[1]
    assert {text for text, _ in shown} == {"now: infrared", "now: visible"}
    report.keyboard.press("?")
    report.locator("#keys-on").uncheck()
    report.keyboard.press("Escape")
    report.keyboard.press("f")
    assert report.locator("#compare-text").inner_text() == shown[2][0]


def test_the_difference_map_states_the_mean_difference(report, scenes):
    choose(report, "street_0000")
    report.keyboard.press("d")
    text = report.locator("#compare-text").inner_text()
    infrared, visible = (images.read(scenes / side / "street_0000.png").astype(float) for side in ("ir", "vi"))
    luma = visible @ [0.299, 0.587, 0.114] if visible.ndim == 3 else visible
    expected = abs((infrared if infrared.ndim == 2 else infrared[..., 0]) - luma).mean()
    assert float(text.split("mean ")[1].split(",")[0]) == pytest.approx(expected, abs=1.5)


def test_the_loupe_reads_the_values_under_the_cursor(report, scenes):
    choose(report, "street_0000")
    infrared = images.read(scenes / "ir" / "street_0000.png")
    canvas = report.locator('#panes [data-picture="0"] canvas')
    canvas.focus()
    canvas.press("ArrowRight")
    canvas.press("Shift+ArrowDown")
    settle(report)
    x, y = (int(part.split()[1]) for part in report.locator("#place").inner_text().split(","))
    height, width = infrared.shape[:2]
    assert (x, y) == (width // 2 + 1, height // 2 + 10)
    value = int(report.locator("#loupe tr").first.locator("td").last.inner_text().split()[0])
    assert value == pytest.approx(float(np.mean(infrared[y, x])), abs=20)


def test_boxes_lie_on_every_picture_and_the_key_b_hides_them(report):
    choose(report, "street_0000")
    selector = '#panes [data-picture="2"] canvas'
    boxed = pixels(report, selector, 400)
    report.keyboard.press("b")
    change = abs(boxed - pixels(report, selector, 400))
    assert change[:, 195:205].mean() > 10  # the right edge of the box is the middle of the picture
    assert change[2:-2, 10:190].max() == change[:, 210:].max() == 0


def test_pairs_are_ordered_by_any_metric_of_any_method(report, evaluation):
    scores = evaluation.scores.methods["mean"]
    report.locator("#order").select_option("worst")
    report.locator("#order-metric").select_option(label="MSE")
    report.locator("#order-method").select_option(label="mean")
    found = report.locator("#list .name").all_inner_texts()
    values = [scores[name]["MSE"] for name in found]
    assert values == sorted(values, reverse=True)  # less is better
    report.locator("#find").fill("0002")
    assert report.locator("#list .name").all_inner_texts() == ["street_0002"]


def test_a_point_of_the_scatter_plot_opens_its_pair(report):
    point = report.locator("#scatter .pair").last
    name = point.locator("title").text_content().split(",")[0]
    point.dispatch_event("click")
    report.wait_for_function("name => document.getElementById('pair-name').textContent === name", arg=name)


def test_every_control_and_picture_has_a_name_for_screen_readers(report):
    unnamed = """() => [...document.querySelectorAll("button,select,input,canvas,svg[role=img],[role=region],table")]
        .filter((one) => one.checkVisibility() && !(one.ariaLabel || one.getAttribute("aria-labelledby") ||
            one.labels?.length || one.textContent.trim() || one.ariaHidden)).map((one) => one.outerHTML)"""
    assert report.evaluate(unnamed) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window_and_text_has_contrast(browser, watch, file, scheme, width):
    with browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme) as context:
        page = context.new_page()
        faults = watch(page)
        page.goto(file.as_uri())
        page.wait_for_selector("#panes canvas")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ink, paper = page.evaluate(
            "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
        )
    brightness = [sum(map(float, text[4:-1].split(","))) for text in (ink, paper)]
    assert (brightness[0] < brightness[1]) == (scheme == "light")
    assert abs(brightness[0] - brightness[1]) > 500
    assert faults == []


def test_without_scripts_the_table_reads_and_nothing_is_offered_that_needs_them(browser, file):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(file.as_uri())
        assert rows(page) == list(METHODS)
        assert page.locator("#scores td.best").count() >= len(METRICS)
        assert page.locator("#pairs").is_hidden()
        assert page.locator("[data-copy]").first.is_hidden()
        assert page.locator("#plots svg:visible").count() > len(METRICS)


def test_pictures_that_are_not_embedded_come_from_the_folder_beside(page, evaluation, tmp_path):
    path = tmp_path / "a folder" / "report #1.html"
    write_report(evaluation, path, full=True, limit=1000)
    page.goto(path.as_uri())
    page.wait_for_selector("#panes canvas")
    settle(page)
    assert page.locator("#panes canvas").count() == 5
    page.keyboard.press("d")
    assert "no difference map" in page.locator("#compare-text").inner_text()


def test_scores_without_a_value_sort_last_and_break_nothing(page, tmp_path):
    scores = Scores("standard", ("SD", "PSNR", "VIF"))
    for method, value in (("a", math.nan), ("b", 0.5), ("c", 0.7)):
        for pair in range(3):
            scores.add(method, str(pair), {"SD": 1.0, "PSNR": math.inf if pair else 30.0, "VIF": value})
    write_report(Evaluation(scores), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    heading = page.locator('#scores th[data-key="2"] button')
    heading.click()
    assert rows(page) == ["c", "b", "a"]
    heading.click()
    assert rows(page) == ["b", "c", "a"]
    for order in ("worst", "best", "disputed", "name"):
        page.locator("#order").select_option(order)
    page.locator("#scatter-x").select_option(label="PSNR")
    assert page.locator("#scatter").inner_text() == "These metrics have no value."


class LeftHalf:
    """Finds something in the left half of a dark picture, and nothing in others."""

    name = "half"
    classes = ("person",)

    def __call__(self, picture):
        boxes = [[0, 0, 64, 96]] if picture.mean() < 70 else np.zeros((0, 4))
        return Detections.of(boxes, [0.9] * len(boxes), [0] * len(boxes))

    def description(self):
        return {"file": "half"}

    def only(self, _classes):
        return self


def test_a_report_on_detections_sorts_and_shows_its_boxes(page, scenes, tmp_path):
    pytest.importorskip("faster_coco_eval", reason="needs the extra detect")
    pairs = pair_folders(scenes / "ir", scenes / "vi").pairs
    labelled = {pair.name: LabelledPicture.of([[0, 0, 64, 96]], [0], size=(128, 96)) for pair in pairs}
    labels = Labels(("person",), labelled, "VOC", "")
    result = detect_folders([], pairs, detector=LeftHalf(), labels=labels, tone="raw")
    write_detection_report(result, tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("#panes canvas")
    expected = sorted(result.rows, key=lambda row: -row.scores["raw"].measures["AP50"].value)
    page.locator('#scores th[data-key="1"] button').click()
    assert rows(page) == [row.method for row in expected]
    page.locator("#order").select_option("worst")
    page.locator("#order-metric").select_option(label="missed")
    name = page.locator("#list .name").first.inner_text()
    choose(page, name)
    missed = [
        not one.by_tone[next(iter(one.by_tone))].boxes.size for one in (row[name] for row in result.found.values())
    ]
    shown = page.locator("#pair-scores tbody td:nth-child(3)").all_inner_texts()
    assert [text == "1" for text in shown] == missed
