"""A file appears whole, or stays as it was."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors import SafetensorError

from mmdrfuse.errors import DiskFullError, OutputError
from mmdrfuse.system.atomic import append, clear_abandoned, refuse_unwritable, writing, writing_folder


def test_the_file_appears_when_the_block_ends(tmp_path):
    with writing(tmp_path / "sub" / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "sub" / "a.txt").exists()
    assert (tmp_path / "sub" / "a.txt").read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_temporary_one(tmp_path, failure):
    (tmp_path / "a.txt").write_text("old")

    def fail():
        with writing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.txt", "old")]


def test_an_existing_file_is_not_replaced_without_overwrite(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match="exists already"), writing(tmp_path / "a.txt", overwrite=False):
        pass


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"), writing(tmp_path / "file" / "a.txt"):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_device_is_never_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="pipe: is a pipe or device"), writing(tmp_path / "pipe"):
        pytest.fail("nothing may be written")
    with pytest.raises(OutputError, match="pipe: is a pipe or device"):
        refuse_unwritable(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_the_file_has_the_permissions_of_the_umask(tmp_path):
    (tmp_path / "plain").touch()
    with writing(tmp_path / "a.txt") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_an_error_of_its_own_and_leaves_nothing(tmp_path, number):
    def fill():
        with writing(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise OSError(number, "no room")

    with pytest.raises(DiskFullError, match=r"a\.txt: the disk is full \(no room\); make room"):
        fill()
    assert list(tmp_path.iterdir()) == []


DISK_FULL = [
    OSError(
        28, "Can't close file (file write failed: errno = 28, error message = 'No space left on device', buf = 0x1)"
    ),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    OSError("Can't synchronously write data (errno = 28, error message = 'No space left on device')"),
    RuntimeError("Unable to flush file's cached information (file write failed: errno = 28)"),
]


@pytest.mark.parametrize("failure", DISK_FULL)
def test_a_full_disk_is_recognised_in_the_errors_of_every_library(tmp_path, failure):
    with (
        pytest.raises(DiskFullError, match=r"a\.bin: the disk is full \(No space left on device\)"),
        writing(tmp_path / "a.bin"),
    ):
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_torch_names_no_reason_so_the_free_space_decides(tmp_path, monkeypatch):
    failure = RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/0")
    with pytest.raises(OutputError, match="cannot be written"), writing(tmp_path / "a.pth"):
        raise failure
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(DiskFullError), writing(tmp_path / "a.pth"):
        raise failure


def test_other_errors_of_the_system_are_no_full_disk(tmp_path):
    with pytest.raises(OutputError, match="Permission denied") as caught, writing(tmp_path / "a.bin"):
        raise SafetensorError("I/O error: Permission denied (os error 13)")
    assert not isinstance(caught.value, DiskFullError)


def test_text_is_appended_whole_or_not_at_all(tmp_path):
    append(tmp_path / "log", "one\n")
    append(tmp_path / "log", "two\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    with pytest.raises(OutputError, match="log/log: cannot be written"):
        append(tmp_path / "log" / "log", "three")


def test_a_line_that_does_not_fit_is_removed_again(tmp_path, monkeypatch):
    append(tmp_path / "log", "one\n")
    original = Path.open

    def full(path, mode):
        with original(path, mode) as file:
            file.write("tw")
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Path, "open", lambda path, mode, **options: full(path, mode))
    with pytest.raises(DiskFullError):
        append(tmp_path / "log", "two\n")
    monkeypatch.undo()
    assert (tmp_path / "log").read_text() == "one\n"


def test_only_abandoned_temporary_files_are_cleared(tmp_path):
    for name in (".0123456789abcdef.safetensors", ".0123456789abcdef", ".0123456789abcdef.tar.gz", ".env", "a.txt"):
        (tmp_path / name).touch()
    clear_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".0123456789abcdef.tar.gz", ".env", "a.txt"}


@pytest.mark.parametrize(("place", "message"), [("folder", "is a folder"), ("file/new/x.json", "file is no folder")])
def test_an_unwritable_path_is_refused_beforehand(tmp_path, place, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=rf"{place}: .*{message}"):
        refuse_unwritable(tmp_path / place)
    refuse_unwritable(tmp_path / "new" / "folders" / "x.json")
    assert not (tmp_path / "new").exists()


def test_a_folder_without_permission_is_refused_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(OutputError, match="may not be written in"):
        refuse_unwritable(tmp_path / "x.json")


@pytest.fixture
def album(tmp_path):
    """A folder that an earlier run wrote, with one file and the mark."""
    with writing_folder(tmp_path / "album", mark="mark.txt") as folder:
        (folder / "old.png").write_text("old")
    return tmp_path / "album"


def test_a_folder_appears_whole_and_replaces_its_like(album):
    with writing_folder(album, mark="mark.txt") as folder:
        (folder / "new.png").write_text("new")
        assert (album / "old.png").exists()
    assert sorted(file.name for file in album.iterdir()) == ["mark.txt", "new.png"]
    assert [child.name for child in album.parent.iterdir()] == ["album"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt(), OutputError("other")])
def test_a_folder_that_is_not_finished_leaves_the_old_one(album, error):
    def fail():
        with writing_folder(album, mark="mark.txt") as folder:
            (folder / "new.png").write_text("new")
            raise error

    with pytest.raises((OutputError, KeyboardInterrupt)):
        fail()
    assert sorted(file.name for file in album.iterdir()) == ["mark.txt", "old.png"]
    assert [child.name for child in album.parent.iterdir()] == ["album"]


def test_a_folder_without_the_mark_is_never_replaced(album):
    (album / "mark.txt").unlink()
    with pytest.raises(OutputError, match=r"mark\.txt"), writing_folder(album, mark="mark.txt"):
        pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="exists already"), writing_folder(album, mark="old.png", overwrite=False):
        pytest.fail("the block must not run")
    assert (album / "old.png").read_text() == "old"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_never_replaced_by_a_file(tmp_path, overwrite):
    with pytest.raises(OutputError, match="is a folder; name a file"), writing(tmp_path, overwrite=overwrite):
        pass
    assert list(tmp_path.iterdir()) == []
