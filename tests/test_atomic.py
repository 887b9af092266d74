"""A file is there whole, or as it was."""

import errno

import pytest

from mmdrfuse.atomic import writing
from mmdrfuse.errors import DiskFullError, OutputError


def test_content_appears_under_the_name_when_the_block_ends(tmp_path):
    with writing(tmp_path / "sub" / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "sub" / "a.txt").exists()
    assert (tmp_path / "sub" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_failure_leaves_what_was_there_and_no_temporary_file(tmp_path, failure):
    (tmp_path / "a.txt").write_text("old")

    def fail():
        with writing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "old")]


def test_existing_file_is_refused_when_it_may_not_be_replaced(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match="exists already"), writing(tmp_path / "a.txt", overwrite=False):
        pass


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"), writing(tmp_path / "file" / "a.txt"):
        pass


def test_file_can_be_read_by_whom_the_umask_lets(tmp_path):
    (tmp_path / "plain").touch()
    with writing(tmp_path / "a.txt") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_told_apart_and_leaves_nothing(tmp_path, number):
    def fill():
        with writing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise OSError(number, "no room")

    with pytest.raises(DiskFullError, match=r"a\.txt: the disk is full \(no room\); make room"):
        fill()
    assert list(tmp_path.iterdir()) == []
