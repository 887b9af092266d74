"""HDF5 on a disk that is full at any byte."""

import errno

import h5py
import numpy as np
import pytest

from mmdrfuse.datasets.patches.sink import Sink


class FullDisk:
    """A file with so much room."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if self.file.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)


def written(path, room):
    """Write a small HDF5 file where there is so much room."""
    sink = Sink(path)
    sink._file = FullDisk(sink._file, room)
    with sink, h5py.File(sink, "w") as file:
        dataset = file.create_dataset("a", (0, 10), dtype="f4", maxshape=(None, 10), chunks=(1, 10))
        for row in range(20):
            dataset.resize(row + 1, axis=0)
            dataset[row] = np.arange(10) + row
        file.attrs["b"] = "c" * 500
    sink.raise_failure()


def test_the_first_failure_is_raised_when_hdf5_has_closed_the_file(tmp_path):
    written(tmp_path / "a.h5", 10**6)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["a"][:].tolist() == (np.arange(10) + np.arange(20)[:, None]).tolist()
        assert file.attrs["b"] == "c" * 500
    size = (tmp_path / "a.h5").stat().st_size
    for room in range(0, size, 701):
        with pytest.raises(OSError, match="No space left"):
            written(tmp_path / "b.h5", room)
