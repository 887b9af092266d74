"""A run that is stopped: what it leaves, and what the next one makes of it."""

import errno
import io
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import PatchFile, prepare
from mmdrfuse.datasets.patches import partial
from mmdrfuse.datasets.patches import prepare as preparing
from mmdrfuse.datasets.patches import write as packing
from mmdrfuse.errors import DiskFullError, InputError, OutputError

COUNT = 9

KILLED = """
import os, signal, sys
from pathlib import Path
from mmdrfuse.datasets import prepare
from mmdrfuse.datasets.patches import partial, write

owners = {{"PartialFile": partial.PartialFile, "PatchWriter": write.PatchWriter, "Path": type(Path())}}
original, left = getattr(owners["{owner}"], "{method}"), {count}

def mined(self, *arguments):
    global left
    left -= 1
    if left == 0 and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(self, *arguments)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owners["{owner}"], "{method}", mined)
prepare([Path(sys.argv[1])], Path(sys.argv[2]), patch=16, stride=8, exposures=1, workers=2)
"""


@pytest.fixture
def root(tmp_path, rng):
    for number in range(COUNT):
        for side in ("ir", "vi"):
            images.write(tmp_path / "set" / side / f"{number}.png", rng.integers(0, 256, (40, 48), np.uint8))
    return tmp_path / "set"


@pytest.fixture
def whole(root, tmp_path):
    """What a run that nobody stops writes."""
    return prepare([root], tmp_path / "whole.h5", patch=16, stride=8, exposures=1).path.read_bytes()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "there" / "p.h5"


def kill(root, out, owner, method, count, *, before=False):
    """Run, and be killed at a call."""
    code = KILLED.format(owner=owner, method=method, count=count, before=before)
    ended = subprocess.run([sys.executable, "-c", code, root, out], capture_output=True, text=True, check=False)
    assert ended.returncode == -9, ended.stderr
    assert not out.exists()


def resume(root, out, **changes):
    return prepare([root], out, **{"patch": 16, "stride": 8, "exposures": 1, **changes})


def stop(root, out, after, **changes):
    """Run, and be interrupted after some pairs."""
    done = []

    def advance(name):
        done.append(name)
        if len(done) == COUNT + after:  # all are looked at before any is cut
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resume(root, out, progress=lambda title, total: nullcontext(advance), **changes)
    assert not out.exists()
    return after


@pytest.mark.slow
@pytest.mark.parametrize(
    "kills",
    [
        [("PartialFile", "begin", 1, True)],
        [("PartialFile", "begin", 1, False)],
        [("PartialFile", "save", 4, True)],
        [("PatchWriter", "add", 5, False), ("PatchWriter", "add", 3, True), ("PartialFile", "save", 8, False)],
        [("PartialFile", "save", 6, False), ("PartialFile", "save", 2, False)],  # before it is where it was
        [("Path", "replace", 1, True), ("Path", "replace", 1, True)],  # at the very end
    ],
    ids=str,
)
def test_runs_killed_at_any_point_end_with_the_bytes_of_one_that_was_not(root, whole, out, kills):
    for owner, method, count, before in kills:
        kill(root, out, owner, method, count, before=before)
    assert resume(root, out).path.read_bytes() == whole
    assert [path.name for path in out.parent.iterdir()] == ["p.h5"]


@pytest.mark.parametrize("after", [1, 4, COUNT])
def test_finished_pairs_are_not_cut_again(root, whole, out, monkeypatch, after):
    stop(root, out, after)
    cut, original = [], preparing.cut
    monkeypatch.setattr(preparing, "cut", lambda item, *others: cut.append(item.pair.name) or original(item, *others))
    made = resume(root, out)
    assert len(cut) == COUNT - after
    assert made.notes == (f"{after} of {COUNT} pairs were finished by an interrupted run",)
    assert made.path.read_bytes() == whole
    assert (made.pairs, made.flat) == (COUNT, 0)


def test_other_options_throw_away_what_was_left_and_say_so(root, whole, out):
    stop(root, out, 3, stride=9)
    made = resume(root, out)
    assert "p.h5.partial: was left by a run with other pictures or options, so it starts over" in made.notes[0]
    assert made.path.read_bytes() == whole


def test_a_picture_that_changed_meanwhile_is_cut_again(root, out):
    stop(root, out, 4)
    images.write(root / "ir/1.png", np.zeros((40, 48), np.uint8))
    made = resume(root, out)
    PatchFile(made.path).verify()
    assert (
        made.path.read_bytes()
        == prepare([root], out.with_name("new.h5"), patch=16, stride=8, exposures=1).path.read_bytes()
    )


def test_a_file_cut_off_at_any_byte_or_damaged_anywhere_is_gone_on_from(root, whole, out, rng):
    stop(root, out, 4)
    left = out.with_name(".p.h5.partial")
    content = left.read_bytes()
    for place in rng.integers(0, len(content), 12):
        left.write_bytes(content[:place])
        assert resume(root, out).path.read_bytes() == whole
        out.unlink()
        left.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert resume(root, out, overwrite=True).path.read_bytes() == whole
        out.unlink()


def test_another_file_in_the_place_is_begun_anew(root, whole, out):
    out.parent.mkdir()
    out.with_name(".p.h5.partial").write_bytes(b"something else" * 99)
    assert resume(root, out).path.read_bytes() == whole


def test_a_failure_before_anything_is_finished_leaves_nothing(root, out):
    for side in ("ir", "vi"):
        for number in range(COUNT):
            images.write(root / side / f"{number}.png", np.zeros((40, 48), np.uint8))
    with pytest.raises(InputError, match="no patch could be cut from 9 pairs: 180 patches are flat"):
        resume(root, out, exposures=0)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("place", ["records", "file"])
def test_a_full_disk_is_told_and_the_next_run_goes_on(root, whole, out, monkeypatch, place):
    class Full(io.FileIO):
        def write(self, content):
            if self.tell() > 60_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content[:1000])  # as systems may

    def full(self, number, outcome, original=partial.PartialFile.save):
        if not isinstance(self._file, Full):
            self._file.close()
            self._file = Full(self.path, "r+b")
        original(self, number, outcome)

    def refuse(self, patches, source, original=packing.PatchWriter.add):
        if self.count > 100:
            raise RuntimeError("Can't write data (file write failed: errno = 28, error message = 'No space left')")
        original(self, patches, source)

    with monkeypatch.context() as patched:
        if place == "records":
            patched.setattr(partial.PartialFile, "save", full)
        else:
            patched.setattr(packing.PatchWriter, "add", refuse)
        with pytest.raises(DiskFullError, match=r"p\.h5: the disk is full \(No space left on device\); make room"):
            resume(root, out)
    assert [path.name for path in out.parent.iterdir()] == [".p.h5.partial"]
    assert "finished by an interrupted run" in resume(root, out).notes[0]
    assert out.read_bytes() == whole


@pytest.mark.skipif(sys.platform != "linux", reason="names of 255 bytes")
def test_a_name_as_long_as_names_can_be_is_taken(root, whole, out):
    assert resume(root, out.with_name("p" * 252 + ".h5")).path.read_bytes() == whole


def test_two_runs_do_not_write_one_file(root, out):
    pytest.importorskip("fcntl", reason="needs locks on files")
    with partial.partial_file(out, overwrite=True) as held:
        with pytest.raises(OutputError, match=r"p\.h5\.partial: another run is writing it; wait until it ends"):
            resume(root, out)
        held.begin("nothing")
        held.target.touch()


@pytest.mark.parametrize("place", ["file/p.h5", "folder.h5"])
def test_a_place_that_cannot_be_written_is_named(root, tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(OutputError, match=r"(file/p\.h5: cannot be written|folder\.h5: is a folder)"):
        resume(root, tmp_path / place)
