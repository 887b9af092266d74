"""The watch over a page sees what a page must not do."""

import pytest


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("console.error('broken')", "broken"),
        ("fetch('http://127.0.0.1:9/x').catch(() => {})", "request: http://127.0.0.1:9/x"),
        ("setTimeout(() => { throw Error('late') })", "late"),
    ],
)
def test_errors_and_requests_of_a_page_are_seen(browser, watch, script, fault, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(f"<script>{script}</script>")
    with browser.new_context() as context:
        page = context.new_page()
        faults = watch(page)
        page.goto(file.as_uri())
        page.wait_for_timeout(50)
    assert any(fault in line for line in faults)
