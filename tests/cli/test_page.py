"""The command that opens the page, or writes it."""

import webbrowser
from pathlib import Path
from urllib.request import url2pathname

import pytest

from mmdrfuse.export.page import write_page


def test_the_page_is_written_and_replaces_nothing(run, tmp_path):
    file = tmp_path / "fuse.html"
    assert run("page", "-o", str(file)).exit_code == 0
    assert file.read_text(encoding="utf-8") == write_page() == run("page", "-o", "-").stdout
    again = run("page", "-o", str(file))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    assert run("page", "-o", str(file), "--overwrite").exit_code == 0


@pytest.mark.parametrize("found", [True, False])
def test_without_a_file_a_browser_opens_it(found, run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    contents = []

    def open_(address):
        contents.append(Path(url2pathname(address.removeprefix("file:"))).read_text(encoding="utf-8"))
        return found

    monkeypatch.setattr(webbrowser, "open", open_)
    result = run("page")
    assert contents == [write_page()]
    assert result.exit_code == (0 if found else 1)
    assert len(list(tmp_path.iterdir())) == found
    assert ("no browser" in result.stderr) is not found
