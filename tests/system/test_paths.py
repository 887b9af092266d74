"""Where a path leads, through symbolic links."""

from mmdrfuse.system.paths import real


def test_links_are_followed_and_circles_raise_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")
    assert real(tmp_path / "b" / "x.png") == real(tmp_path) / "a" / "x.png"
    assert real(tmp_path / "loop").name == "loop"
