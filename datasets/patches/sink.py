"""The file that HDF5 writes to: a disk that is full does not crash HDF5."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Sink(io.RawIOBase):
    """A new file for h5py that remembers the first failure to write, and tells HDF5 that all is well.

    HDF5 may crash the process when it closes a file that it could not write. So a failure is raised by
    `raise_failure`, when HDF5 has closed the file.

    Args:
        path: The file; it is replaced if it exists.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._position = self._end = 0
        self._failure: OSError | None = None

    def raise_failure(self) -> None:
        """Raise the first failure, if there was one.

        Raises:
            OSError: Something could not be written.
        """
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place, also beyond what a full disk could take."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        return self._position

    def tell(self) -> int:
        """Return the place where the next byte is written."""
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read back what was written."""
        view = memoryview(buffer).cast("B")
        self._file.seek(self._position)
        read = self._file.readinto(view) or 0
        view[read:] = bytes(len(view) - read)  # what could not be written
        self._position += len(view)
        return len(view)

    def write(self, data: "ReadableBuffer") -> int:
        """Write bytes, unless something could not be written before."""
        view = memoryview(data).cast("B")
        try:
            self.raise_failure()
            self._file.seek(self._position)
            written = 0
            while written < len(view):
                written += self._file.write(view[written:])
        except OSError as error:
            self._failure = error
        self._position += len(view)
        self._end = max(self._end, self._position)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend the file."""
        self._end = self._position if size is None else size
        try:
            self.raise_failure()
            self._file.truncate(self._end)
        except OSError as error:
            self._failure = error
        return self._end

    def flush(self) -> None:
        """Do nothing: nothing waits."""
