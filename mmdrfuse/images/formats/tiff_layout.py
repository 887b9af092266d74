"""The layout of a page of a TIFF, and the conversion of its samples to pixels: one interpretation for all readers.

Every kind of sample is either converted to the pixels that it means, or refused by its name.

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
"""Values of the tag PhotometricInterpretation: the pictures that are read here, and the mask."""

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
"""Values that are not read → what they are, and what to do about them."""

_INTEGER_ONLY = {MIN_IS_WHITE: "grey that counts from white", PALETTE: "a palette", SEPARATED: "CMYK", YCBCR: "YCbCr"}
"""Interpretations that are defined only for unsigned integers of up to 16 bits, in words."""

_KINDS = {"u": "integers", "i": "signed integers", "f": "floating point"}
"""Kinds of numbers, as NumPy names them, in words."""

_SAMPLE_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}
"""Values of the tag SampleFormat → kinds of numbers; undefined values (4) count as unsigned, as in other programs."""

_PREMULTIPLIED = 1
"""The value of the tag ExtraSamples for a transparency that the colours are multiplied with."""

_BYTE = 256
"""A colour map whose values all lie below this has 8 bits, as some old programs write it; the standard has 16."""


@dataclass(frozen=True)
class Layout:
    """The layout of one page's samples in the file, and their meaning."""

    height: int
    width: int
    samples: int
    """Samples of each stored pixel, with transparency."""
    kind: str
    """``u``, ``i`` or ``f``, NumPy's names of unsigned integers, signed integers and floating point."""
    bits: int
    """Bits of each sample."""
    photometric: int
    channels: int
    """Channels of the pixels: 1 for grey, 3 for RGB."""
    premultiplied: int | None = None
    """Index of the sample that is the transparency by which the colours are multiplied."""
    palette: NDArray[Any] | None = None
    """N×3, uint8 or uint16."""

    @property
    def stored(self) -> np.dtype[Any]:
        """The type that holds a stored sample."""
        size = next(size for size in (1, 2, 4, 8) if self.bits <= 8 * size)
        return np.dtype(f"{self.kind}{size}")

    @property
    def has_range(self) -> bool:
        """Whether the type says what is black and white: signed integers and those of more than 16 bits do not."""
        return self.kind == "f" or (self.kind == "u" and self.bits <= 16)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels' values: uint8, uint16 or float32."""
        if self.palette is not None:
            return self.palette.dtype
        if self.kind == "f" or not self.has_range:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    def pixels(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Convert stored samples to pixels.

        Args:
            samples: H×W×`samples` of the type `stored`; YCbCr samples are RGB already, as a JPEG decoder returns them.

        Returns:
            H×W×`channels` of `dtype`; from black to white if `has_range` holds, else as stored.
        """
        if self.palette is not None:
            coloured: NDArray[Any] = self.palette[samples[..., 0]]
            return coloured

        colours = 4 if self.photometric == SEPARATED else self.channels
        values = self._scaled(samples[..., :colours])
        if self.premultiplied is not None:
            values = _unmultiplied(values, self._scaled(samples[..., self.premultiplied, None]))
        if self.photometric == MIN_IS_WHITE:
            return np.iinfo(self.dtype).max - values
        if self.photometric == SEPARATED:
            return _from_cmyk(values)
        return values

    def _scaled(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Scale samples of few bits to the range of the type that holds them, so that white is white."""
        if self.kind != "u" or self.bits in (8, 16) or not self.has_range:
            with np.errstate(over="ignore"):  # double precision may become infinite, which `to_unit` refuses
                return samples.astype(self.dtype, copy=False)
        top = (1 << self.bits) - 1
        white = int(np.iinfo(self.dtype).max)
        values = np.arange(top + 1, dtype=np.uint32)
        table = ((values * white + top // 2) // top).astype(self.dtype)  # rounded
        scaled: NDArray[Any] = table[samples]
        return scaled


def read_layout(page: Any, name: str) -> Layout:  # noqa: ANN401
    """Read the layout of a page from its tags.

    Args:
        page: A `tifffile.TiffPage`.
        name: What to call the file in messages.

    Raises:
        InputError: The page cannot be converted to grey or RGB without guessing.
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
    if photometric in _INTEGER_ONLY and (kind != "u" or bits > 16):
        raise InputError(
            f"{name}: holds {_INTEGER_ONLY[photometric]} in {bits}-bit {_KINDS[kind]}, which has no fixed meaning; "
            "save it in 8 or 16 bits"
        )
    if photometric == YCBCR and (bits != 8 or samples != 3 or page.planarconfig != 1):
        raise InputError(f"{name}: holds YCbCr in {samples} channels of {bits} bits or in planes; save it as RGB")
    if photometric == SEPARATED:
        _check_inks(page, name)
    palette = _palette(page, bits, name) if photometric == PALETTE else None
    premultiplied = _premultiplied(page.extrasamples, samples, colours)
    if premultiplied is not None and photometric not in (MIN_IS_BLACK, RGB):
        raise InputError(f"{name}: holds colours multiplied with their transparency; save it without transparency")
    gray = colours == 1 and photometric in (MIN_IS_WHITE, MIN_IS_BLACK)
    return Layout(
        page.imagelength, page.imagewidth, samples, kind, bits, photometric,
        channels=1 if gray else 3, premultiplied=premultiplied, palette=palette,
    )  # fmt: skip


def is_picture(page: Any) -> bool:  # noqa: ANN401
    """Return whether a page is a picture of its own: neither a smaller copy of another nor a mask."""
    return not page.subfiletype & (_SUBFILE_REDUCED | _SUBFILE_MASK) and _photometric(page) != MASK


def _samples(page: Any, name: str) -> tuple[str, int, int]:  # noqa: ANN401
    """Return the kind, bits and number of a pixel's samples, which must all have one type."""
    bits = np.unique(np.ravel(page.bitspersample)).tolist()
    formats = page.tags.valueof(339, 1)
    kinds = sorted(set(formats)) if isinstance(formats, tuple) else [formats]
    if len(bits) != 1 or len(kinds) != 1:
        raise InputError(f"{name}: its channels differ in bits or type; save them alike, in 8 or 16 bits")
    if kinds[0] in (5, 6):
        raise InputError(f"{name}: holds complex numbers, which are no picture; save their magnitude")
    kind = _SAMPLE_KINDS.get(kinds[0])
    allowed_bits = {"f": (16, 32, 64), "i": (8, 16, 32, 64)}.get(kind or "", range(1, 33))
    if kind is None or bits[0] not in allowed_bits or page.samplesperpixel < 1:
        raise InputError(f"{name}: holds {bits[0]}-bit samples of format {kinds[0]}; save it in 8 or 16 bits")
    return kind, bits[0], page.samplesperpixel


def _photometric(page: Any) -> int:  # noqa: ANN401
    """Return the meaning of the values; without the tag, their number decides, as in libtiff."""
    photometric = page.tags.valueof(_PHOTOMETRIC)
    if photometric is None:
        return RGB if page.samplesperpixel >= 3 else MIN_IS_BLACK
    return int(photometric)


def _colours(photometric: int, samples: int, extra: tuple[int, ...], name: str) -> int:
    """Return how many of a pixel's samples are its colour; the others are transparency, or undefined."""
    needed = {RGB: 3, YCBCR: 3, SEPARATED: 4}.get(photometric, 1)
    if samples < needed:
        raise InputError(f"{name}: has {samples} channels, where its kind of colour needs {needed}; save it as RGB")
    if photometric not in (MIN_IS_WHITE, MIN_IS_BLACK):
        return needed
    # GDAL marks three bands as grey with two extra samples. The standard would have them so, but nobody means it.
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


def _premultiplied(extra: tuple[int, ...], samples: int, colours: int) -> int | None:
    """Return the index of the transparency by which the colours are multiplied; None if there is none."""
    for index, meaning in enumerate(extra, samples - len(extra)):
        if meaning == _PREMULTIPLIED and index >= colours:
            return index
    return None


def _check_inks(page: Any, name: str) -> None:  # noqa: ANN401
    bits = int(np.ravel(page.bitspersample)[0])
    dots = page.tags.valueof(_DOT_RANGE)
    if page.tags.valueof(_INK_SET, 1) != 1 or (dots is not None and tuple(dots[:2]) != (0, (1 << bits) - 1)):
        raise InputError(f"{name}: holds inks other than cyan, magenta, yellow and black; save it as RGB")


def _palette(page: Any, bits: int, name: str) -> NDArray[Any]:  # noqa: ANN401
    """Return the colours of a palette, N×3: uint8, or uint16 where there are more than 256 of them."""
    stored = page.tags.valueof(_COLOR_MAP)
    if stored is None or np.size(stored) != 3 << bits:
        raise InputError(f"{name}: its palette is missing or of another size; replace or remove it")
    colours = np.reshape(stored, (3, -1)).T
    if bits > 8:
        return colours.astype(np.uint16)
    return (colours if colours.max() < _BYTE else colours // _BYTE).astype(np.uint8)


def _unmultiplied(values: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Divide colours by their transparency; fully transparent pixels become black."""
    white = 1 if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)
    factor = np.divide(white, alpha, out=np.zeros(alpha.shape), where=alpha > 0)
    colours = np.clip(values * factor, 0, white)
    if white != 1:
        colours = np.rint(colours)
    unmultiplied: NDArray[Any] = colours.astype(values.dtype)
    return unmultiplied


def _from_cmyk(inks: NDArray[Any]) -> NDArray[Any]:
    """Convert cyan, magenta, yellow and black to RGB: the light that passes the ink, and then the black."""
    white = int(np.iinfo(inks.dtype).max)
    light = (white - inks).astype(np.uint64)
    rgb = (light[..., :3] * light[..., 3:] + white // 2) // white  # rounded
    return rgb.astype(inks.dtype)
