"""Media files through PyAV (the extra ``video``): importing PyAV, and opening files with any name.

PyAV, https://pyav.basswood-io.com.
"""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdrfuse.errors import InputError, MissingExtraError, reading

if TYPE_CHECKING:
    from av.container import InputContainer


def pyav() -> Any:  # noqa: ANN401
    """Import PyAV where it is needed, because it is an extra, and slow to load.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av", "video", "fusing videos") from error
    return av


def url(path: Path) -> str:
    """Return a file's URL for FFmpeg, which would take the 12 of a plain ``12:00.mp4`` for a protocol."""
    return f"file:{path}"


def open_container(path: Path) -> "InputContainer":
    """Open a file for reading. Other files that it may name, as playlists do, are not fetched from a network.

    Raises:
        InputError: The file is missing, FFmpeg does not know its format, or it is a picture.
        MissingExtraError: PyAV is not installed.
    """
    av = pyav()
    with reading(path, "video"):
        try:
            container: InputContainer = av.open(url(path), options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise InputError(f"{path}: cannot be read as a video ({error.strerror})") from error

    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        kind = container.format.name.removesuffix("_pipe")
        container.close()
        raise InputError(f"{path}: a picture ({kind}), not a video; give it the ending of its kind")
    return container


def origin(container: "InputContainer") -> Fraction:
    """Return the time at which a file begins, in seconds."""
    return Fraction(container.start_time or 0, 1_000_000)
