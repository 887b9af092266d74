"""What a page of a TIFF holds, and how its stored samples become pixels: one interpretation for all readers.

Every kind of sample is either turned into the pixels that it means, or refused with the name of what it is.

TIFF revision 6.0, Adobe, 1992; its technical notes 1 to 3; tags of tifffile, https://github.com/cgohlke/tifffile.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError

_SUBFILE_REDUCED, _SUBFILE_MASK = 1, 4
"""Bits of the tag NewSubfileType."""

_PHOTOMETRIC, _COLOR_MAP, _INK_SET, _DOT_RANGE = 262, 320, 332, 336
"""Numbers of tags."""

MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, MASK, SEPARATED, YCBCR = range(7)
"""Values of the tag PhotometricInterpretation that are known here, or are no picture."""

_REFUSED = {
    MASK: "a transparency mask, which is no picture",
    8: "colour in CIE L*a*b*; save it as RGB",
    9: "colour in ICC L*a*b*; save it as RGB",
    10: "colour in ITU L*a*b*; save it as RGB",
    32803: "the raw mosaic of a colour sensor; develop it to RGB first",
    32844: "logarithmic luminance (LogL); save it as floating point",
    32845: "logarithmic luminance and colour (LogLuv); save it as floating-point RGB",
    34892: "raw values of a sensor (LinearRaw); develop it to RGB first",
}
"""The others that have names, and what to do about them."""

_PLAIN = {MIN_IS_WHITE: "grey that counts from white", PALETTE: "a palette", SEPARATED: "CMYK", YCBCR: "YCbCr"}
"""Those that are defined for integers without sign of up to 16 bits."""

_KINDS = {"u": "integers", "i": "signed integers", "f": "floating point"}
"""Kinds of numbers, as NumPy names them, in words."""

_SAMPLE_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
"""Values of the tag SampleFormat; undefined values (4) are taken for numbers without sign, as everywhere."""

_PREMULTIPLIED = 1
"""A value of the tag ExtraSamples: transparency that the colours have been multiplied with."""

_BYTE = 256
"""Values of a colour map that counts to here at most are of 8 bits, as some old programs write them."""


@dataclass(frozen=True)
class Layout:
    """How the samples of one page lie in the file, and what they mean."""

    height: int
    width: int
    samples: int
    """Of each pixel, as stored, transparency and all."""
    kind: str
    """``u``, ``i`` or ``f``, as NumPy names integers without and with sign, and floating point."""
    bits: int
    """Of each sample."""
    photometric: int
    channels: int
    """Of the pixels: 1 for grey, 3 for RGB."""
    premultiplied: int | None = None
    """Which sample is the transparency that the colours have been multiplied with."""
    palette: NDArray[Any] | None = None
    """N×3, uint8 or uint16."""

    @property
    def stored(self) -> np.dtype[Any]:
        """The type of number that holds a stored sample."""
        size = next(size for size in (1, 2, 4, 8) if self.bits <= 8 * size)
        return np.dtype(f"{self.kind}{size}")

    @property
    def ranged(self) -> bool:
        """Whether the values have a black and a white by themselves: not so with a sign, or more than 16 bits."""
        return self.kind == "f" or (self.kind == "u" and self.bits <= 16)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels' values: uint8, uint16 or float32."""
        if self.palette is not None:
            return self.palette.dtype
        if self.kind == "f" or not self.ranged:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    def pixels(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Turn stored samples into pixels.

        Args:
            samples: H×W×`samples` of the type `stored`; those of 8 bits as a JPEG decoder gives them are RGB already.

        Returns:
            H×W×`channels` of `dtype`, from black to white where `ranged` holds, as stored otherwise.
        """
        if self.palette is not None:
            coloured: NDArray[Any] = self.palette[samples[..., 0]]
            return coloured

        values = self._scaled(samples[..., : 4 if self.photometric == SEPARATED else self.channels])
        if self.premultiplied is not None:
            values = _unmultiplied(values, self._scaled(samples[..., self.premultiplied, None]))
        if self.photometric == MIN_IS_WHITE:
            return np.iinfo(self.dtype).max - values
        if self.photometric == SEPARATED:
            return _without_inks(values)
        return values

    def _scaled(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Give samples of few bits the range of the type that holds them, so that white is white."""
        if self.kind != "u" or self.bits in (8, 16) or not self.ranged:
            with np.errstate(over="ignore"):  # double precision may become infinite, which is refused where it matters
                return samples.astype(self.dtype, copy=False)
        top, white = (1 << self.bits) - 1, int(np.iinfo(self.dtype).max)
        values = np.arange(top + 1, dtype=np.uint32)
        scale = ((values * white + top // 2) // top).astype(self.dtype)
        scaled: NDArray[Any] = scale[samples]
        return scaled


def layout(page: Any, name: str) -> Layout:  # noqa: ANN401
    """Find out what a page holds.

    Args:
        page: A `tifffile.TiffPage`.
        name: What to call the file in messages.

    Raises:
        InputError: It is nothing that can be turned into grey or RGB without guessing.
    """
    kind, bits, samples = _samples(page, name)
    photometric = _photometric(page)
    if photometric in _REFUSED or photometric > YCBCR:
        what = _REFUSED.get(photometric, f"values of an unknown kind ({photometric}); save it as grey or RGB")
        raise InputError(f"{name}: holds {what}")
    if page.imagedepth != 1:
        raise InputError(f"{name}: holds a volume of {page.imagedepth} layers; save its slices as pages")
    if min(page.imagelength, page.imagewidth) < 1:
        raise InputError(f"{name}: holds {page.imagewidth}x{page.imagelength} pixels, which is no picture")

    colours = _colours(photometric, samples, page.extrasamples, name)
    plain = kind == "u" and bits <= 16
    if photometric in _PLAIN and not plain:
        raise InputError(
            f"{name}: holds {_PLAIN[photometric]} in {bits}-bit {_KINDS[kind]}, which has no fixed meaning; "
            "save it in 8 or 16 bits"
        )
    if photometric == YCBCR and (bits != 8 or samples != 3 or page.planarconfig != 1):
        raise InputError(f"{name}: holds YCbCr in {samples} channels of {bits} bits or in planes; save it as RGB")
    if photometric == SEPARATED:
        _check_inks(page, name)
    palette = _palette(page, bits, name) if photometric == PALETTE else None
    extra = dict(enumerate(page.extrasamples, samples - len(page.extrasamples)))
    multiplied = next((place for place, what in extra.items() if what == _PREMULTIPLIED and place >= colours), None)
    if multiplied is not None and photometric not in (MIN_IS_BLACK, RGB):
        raise InputError(f"{name}: holds colours multiplied with their transparency; save it without transparency")
    return Layout(
        page.imagelength, page.imagewidth, samples, kind, bits, photometric,
        channels=1 if photometric in (MIN_IS_WHITE, MIN_IS_BLACK) and colours == 1 else 3,
        premultiplied=multiplied, palette=palette,
    )  # fmt: skip


def is_picture(page: Any) -> bool:  # noqa: ANN401
    """Tell whether a page is a picture of its own: no smaller copy of another, and no mask."""
    return not page.subfiletype & (_SUBFILE_REDUCED | _SUBFILE_MASK) and _photometric(page) != MASK


def _samples(page: Any, name: str) -> tuple[str, int, int]:  # noqa: ANN401
    """Return the kind, the bits and the number of a pixel's samples, which have to be alike."""
    bits = np.unique(np.ravel(page.bitspersample)).tolist()
    formats = page.tags.valueof(339, 1)
    kinds = sorted(set(formats)) if isinstance(formats, tuple) else [formats]
    if len(bits) != 1 or len(kinds) != 1:
        raise InputError(f"{name}: its channels differ in bits or type; save them alike, in 8 or 16 bits")
    if kinds[0] in (5, 6):
        raise InputError(f"{name}: holds complex numbers, which are no picture; save their magnitude")
    kind = _SAMPLE_KINDS.get(kinds[0])
    whole = bits[0] in {"f": (16, 32, 64), "i": (8, 16, 32, 64)}.get(kind or "", range(1, 33))
    if kind is None or not whole or page.samplesperpixel < 1:
        raise InputError(f"{name}: holds {bits[0]}-bit samples of format {kinds[0]}; save it in 8 or 16 bits")
    return kind, bits[0], page.samplesperpixel


def _photometric(page: Any) -> int:  # noqa: ANN401
    """Return what the values mean; where the file does not say, by their number, as libtiff has it."""
    given = page.tags.valueof(_PHOTOMETRIC)
    if given is None:
        return RGB if page.samplesperpixel >= 3 else MIN_IS_BLACK
    return int(given)


def _colours(photometric: int, samples: int, extra: tuple[int, ...], name: str) -> int:
    """Return how many of a pixel's samples are its colour; the others are transparency, or unknown."""
    needed = {RGB: 3, YCBCR: 3, SEPARATED: 4}.get(photometric, 1)
    if samples < needed:
        raise InputError(f"{name}: has {samples} channels, where its kind of colour needs {needed}; save it as RGB")
    if photometric not in (MIN_IS_WHITE, MIN_IS_BLACK):
        return needed
    # GDAL calls three bands grey with two more; by the standard they would be, but nobody means it.
    transparent = extra[-1:] and extra[-1] in (1, 2)
    bands = samples - 1 if transparent else samples
    if bands == 3 and photometric == MIN_IS_BLACK:
        return 3
    if bands > 2:
        raise InputError(
            f"{name}: holds {bands} bands, and nothing says which of them are red, green and blue; "
            "save one as grey, or three as RGB"
        )
    return 1


def _check_inks(page: Any, name: str) -> None:  # noqa: ANN401
    bits = int(np.ravel(page.bitspersample)[0])
    dots = page.tags.valueof(_DOT_RANGE)
    if page.tags.valueof(_INK_SET, 1) != 1 or (dots is not None and tuple(dots[:2]) != (0, (1 << bits) - 1)):
        raise InputError(f"{name}: holds inks other than cyan, magenta, yellow and black; save it as RGB")


def _palette(page: Any, bits: int, name: str) -> NDArray[Any]:  # noqa: ANN401
    """Return the colours of a palette: 8 bits each, 16 where there are more than 256 of them."""
    stored = page.tags.valueof(_COLOR_MAP)
    if stored is None or np.size(stored) != 3 << bits:
        raise InputError(f"{name}: its palette is missing or of another size; replace or remove it")
    colours = np.reshape(stored, (3, -1)).T
    if bits > 8:
        return colours.astype(np.uint16)
    return (colours if colours.max() < _BYTE else colours // _BYTE).astype(np.uint8)


def _unmultiplied(values: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Undo the multiplication of colours with their transparency; what is wholly transparent is black."""
    white = 1 if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)
    share = np.divide(white, alpha, out=np.zeros(alpha.shape), where=alpha > 0)
    colours = np.clip(values * share, 0, white)
    unmultiplied: NDArray[Any] = (colours if white == 1 else np.rint(colours)).astype(values.dtype)
    return unmultiplied


def _without_inks(inks: NDArray[Any]) -> NDArray[Any]:
    """Turn cyan, magenta, yellow and black into RGB: light that passes the ink, and then the black."""
    white = int(np.iinfo(inks.dtype).max)
    left = (white - inks).astype(np.uint64)
    return ((left[..., :3] * left[..., 3:] + white // 2) // white).astype(inks.dtype)
