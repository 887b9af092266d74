"""The page is small, silent, and usable by keyboard and on a phone."""

import json
import re

import pytest

from mmdrfuse import models
from mmdrfuse.export import render


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
