"""The page is small, silent, and usable by keyboard and on a phone."""

import json
import re

import numpy as np
import pytest

from mmdrfuse import models
from mmdrfuse.export import render
from mmdrfuse.registration import rig


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
    page.keyboard.press("0")
    page.click("#align summary")
    page.wait_for_selector("#stage.moves")
    page.focus("#stage")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.input_value('#sliders input[type="number"][data-key="right"]') == "-10"


@pytest.mark.parametrize(("address", "words"), [("", ""), ("?engine=cuda", "There is no engine cuda")])
def test_webgpu_in_software_is_not_taken_unless_asked_for(address, words, page, page_file):
    page.goto(page_file.as_uri() + address)
    page.wait_for_selector("body[data-engine]")
    assert page.get_attribute("body", "data-engine") != "WebGPU"
    assert page.inner_text("#message").startswith(words)


@pytest.mark.parametrize(
    ("engine", "loss"),
    [
        ("webgl2", """document.querySelector("#layer-fused canvas")
            .getContext("webgl2").getExtension("WEBGL_lose_context").loseContext()"""),
        ("webgpu", "device.destroy()"),
    ],
)  # fmt: skip
def test_the_next_engine_goes_on_when_the_driver_fails(engine, loss, browser, page_file, pictures):
    """Browsers warn of the loss in their console, so this page is not watched."""
    files, _ = pictures(ir=(20, 30), vi=(20, 30))
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script("""
            const make = window.GPUAdapter?.prototype.requestDevice;
            if (make) GPUAdapter.prototype.requestDevice = async function (...all) {
                return (window.device = await make.apply(this, all));
            };
        """)
        page.goto(f"{page_file.as_uri()}?engine={engine}")
        page.wait_for_selector("body[data-engine]")
        first = page.get_attribute("body", "data-engine")
        if first.lower() != engine:
            pytest.skip(f"needs a browser with {engine}")
        for side, file in zip(("infrared", "visible"), files, strict=True):
            page.set_input_files(f"#side-{side} .file", file)
        page.wait_for_selector("body[data-fused]")
        page.evaluate(loss)
        page.select_option("#weights", "night")
        page.wait_for_selector(f'body:not([data-engine="{first}"])')
        page.wait_for_selector('body[data-fused="2"]')
        assert not page.is_visible("#message")


def test_a_corner_is_dragged_alone(opened, saved, pictures):
    files, _ = pictures(ir=(45, 60), vi=(90, 120))
    page = opened("js", files)
    page.click("#align summary")
    page.wait_for_selector("#stage.moves")
    box, handle = (page.locator(name).bounding_box() for name in ("#stage", '[data-corner="2"]'))
    step = box["width"] / 120  # the page's pixels for one of the picture's
    page.mouse.move(handle["x"] + 14, handle["y"] + 14)
    page.mouse.down()
    page.mouse.move(handle["x"] + 14 - 20 * step, handle["y"] + 14 - 10 * step, steps=3)
    page.mouse.up()
    page.focus('[data-corner="0"]')
    page.keyboard.press("ArrowDown")
    matrix = np.reshape(rig.read(saved("#save-rig")).matrix, (3, 3))
    corners = matrix @ [[0, 59, 59, 0], [0, 0, 44, 44], [1, 1, 1, 1]]
    expected = [[0.5, 118.5, 98.5, 0.5], [1.5, 0.5, 78.5, 88.5]]  # of twice the size, less the middle of a pixel
    np.testing.assert_allclose(corners[:2] / corners[2], expected, atol=0.1)


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
    assert re.findall(rb'<\w[^<>]* (?:src|href)="(?!data:,")', content) == []


def test_names_within_the_page_end_no_element(tmp_path):
    file = tmp_path / "x.safetensors"
    models.write(file, models.read("day").arrays, {"title": "</script><script>alert(1)</script>"})
    content = render(file, "page").decode()
    assert content.count("</script>") == 2
    data = re.search(r'id="data">(.*?)</script>', content, re.DOTALL)[1]
    assert json.loads(data)["selected"] == "x.safetensors"
