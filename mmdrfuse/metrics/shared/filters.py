"""Steps on one whole image that several families of metrics share."""

import numpy as np
import numpy.typing as npt

from mmdrfuse.metrics.shared.triple import GrayImage, ImageName, Triple, Vector, once
from mmdrfuse.system.compiling import compiled

Spectrum = npt.NDArray[np.complex128]
"""(H, W // 2 + 1): a real image's Fourier transform, as `scipy.fft.rfft2` returns it."""


def stretch255(image: GrayImage) -> GrayImage:
    """Return an image with its own range spread over 0..255, rounded to the nearest level, halves up.

    Args:
        image: (H, W), values 0..255.

    Returns:
        Whole numbers 0..255, (H, W). A black image stays black; any other constant image becomes NaN, as in the
        programs that stretch.
    """
    low = image.min()
    high = image.max()
    if low == high:
        return np.zeros_like(image) if high == 0.0 else np.full_like(image, np.nan)

    levels: GrayImage = np.floor((image - low) / (high - low) * 255.0 + 0.5)
    return levels


@once
def stretched(t: Triple) -> Triple:
    """Return the triple of the three images, each stretched by `stretch255`."""
    return Triple(*(stretch255(image) for image in t.images))


def smooth(image: GrayImage, taps: Vector) -> GrayImage:
    """Return an image whose rows and columns are filtered with the same symmetric taps, windows inside the image.

    Args:
        image: (H, W).
        taps: (n,), n odd, symmetric.

    Returns:
        (H-n+1, W-n+1).
    """
    height, width = (side - taps.size + 1 for side in image.shape)
    out = np.empty((height, width))
    _smooth(np.ascontiguousarray(image), taps, out)
    return out


@compiled()
def _smooth(image: GrayImage, taps: Vector, out: GrayImage) -> None:
    column = np.empty(image.shape[1])
    for y in range(out.shape[0]):
        filter_column(image, taps, y + taps.size // 2, column)
        filter_row(column, taps, out[y])


@compiled()
def filter_column(image: GrayImage, taps: Vector, y: int, out: Vector) -> None:
    """Filter the columns of an image with symmetric taps around row `y`; out: (W,)."""
    half = taps.size // 2
    _scale(out, taps[half], image[y])
    for k in range(half):
        _add_pair(out, taps[k], image[y - half + k], image[y + half - k])


@compiled()
def filter_row(row: Vector, taps: Vector, out: Vector) -> None:
    """Filter a row with symmetric taps; out: (N - n + 1,)."""
    half = taps.size // 2
    width = out.size
    _scale(out, taps[half], row[half : half + width])
    for k in range(half):
        mirrored = taps.size - 1 - k
        _add_pair(out, taps[k], row[k : k + width], row[mirrored : mirrored + width])


@compiled()
def _scale(out: Vector, tap: float, row: Vector) -> None:
    for x in range(out.size):
        out[x] = tap * row[x]


@compiled()
def _add_pair(out: Vector, tap: float, row: Vector, other: Vector) -> None:
    for x in range(out.size):
        out[x] += tap * (row[x] + other[x])


def divide(numerator: GrayImage, denominator: GrayImage, *, undefined: float) -> GrayImage:
    """Return the quotient of two maps, and a stated value where the denominator is 0.

    Args:
        numerator: (H, W).
        denominator: (H, W).
        undefined: What stands where the denominator is 0.

    Returns:
        (H, W).
    """
    return np.divide(numerator, denominator, out=np.full_like(numerator, undefined), where=denominator != 0.0)


@once
def spectrum(t: Triple, name: ImageName) -> Spectrum:
    """Return the Fourier transform of one of a triple's images."""
    rows = np.fft.rfft(t.image(name), axis=1)
    return np.fft.fft(rows, axis=0, out=rows)


def cycles(shape: tuple[int, ...]) -> tuple[Vector, Vector]:
    """Return the frequencies of a spectrum that are not negative, in whole cycles per image side.

    Args:
        shape: Height and width of the image.

    Returns:
        Those of the rows, (H // 2 + 1, 1), and of the columns, (W // 2 + 1,).
    """
    height, width = shape
    return np.arange(height // 2 + 1.0)[:, None], np.arange(width // 2 + 1.0)


class FrequencyFilter:
    """A filter of images by a transfer function; images count as periodic.

    It keeps its arrays for all images of one size, because at this size memory costs as much as the transform.

    Args:
        transfer: Over `cycles`, (H // 2 + 1, W // 2 + 1): the same for a frequency and its negative one.
        shape: H and W.
    """

    def __init__(self, transfer: GrayImage, shape: tuple[int, ...]) -> None:
        self.transfer = transfer
        self.product = np.empty((shape[0], transfer.shape[1]), np.complex128)
        self.image = np.empty(shape)

    def __call__(self, spectrum: Spectrum) -> GrayImage:
        """Return the image whose spectrum is multiplied with the transfer function, (H, W), until the next call.

        Args:
            spectrum: (H, W // 2 + 1).
        """
        count = self.transfer.shape[0]
        negative = self.product.shape[0] - count
        np.multiply(spectrum[:count], self.transfer, out=self.product[:count])
        np.multiply(spectrum[count:], self.transfer[negative:0:-1], out=self.product[count:])
        np.fft.ifft(self.product, axis=0, out=self.product)
        return np.fft.irfft(self.product, self.image.shape[1], axis=1, out=self.image)
