"""A real browser for the tests of files that are shown in one: the system's Chromium, headless."""

import shutil

import pytest

ARGUMENTS = (
    "--no-sandbox", "--enable-unsafe-webgpu", "--use-angle=swiftshader", "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan", "--use-vulkan=swiftshader", "--disable-vulkan-surface",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
"""A container has no sandbox, and a test machine neither graphics card nor camera: WebGL and WebGPU are rendered in
software, WebGPU's canvas by Vulkan without a window, and there is a made-up camera that needs no consent."""

_OF_THE_DRIVER = "GL Driver Message (OpenGL, Performance"
"""A warning that drawing in software is slow."""


@pytest.fixture(scope="session")
def browser():
    """Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the command chromium, which .ci/run installs")
    with playwright.sync_playwright() as driver:
        instance = driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield instance
        instance.close()


@pytest.fixture(scope="session")
def watch():
    """A function that returns a list, which will hold a page's errors, and its requests beyond files, as they come."""
    return _watch


@pytest.fixture
def page(browser, watch):
    """A fresh page in a window of 1280×800; at the end of the test it must have logged no error and asked nobody.

    A test that needs other sizes or colour schemes makes its own context of `browser`, and watches its page.
    """
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened = context.new_page()
        faults = watch(opened)
        yield opened
    assert faults == []


def _watch(page):
    faults = []

    def judge(route):
        if route.request.url.partition(":")[0] in {"file", "data", "blob"}:
            route.continue_()
        else:
            faults.append(f"request: {route.request.url}")
            route.abort()

    def hear(message):
        if message.type in {"error", "warning"} and _OF_THE_DRIVER not in message.text:
            faults.append(message.text)

    page.route("**/*", judge)
    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults
