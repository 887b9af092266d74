"""Files as thermal cameras and hospitals' scanners write them, built byte by byte from their descriptions.

FLIR: ExifTool's table of FLIR tags, https://exiftool.org/TagNames/FLIR.html. DICOM: PS3.5, https://dicom.nema.org.
"""

import io
import struct

import numpy as np
from PIL import ExifTags, Image

PLANCK = {"r1": 14906.216, "b": 1396.5, "f": 1.0, "o": -7340, "r2": 0.010956882}
"""Constants of a camera, in the order of size that such files hold."""
RAW = np.linspace(11000, 16000, 12 * 16).astype(np.uint16).reshape(12, 16)
PART = 5000
"""Bytes a segment: a JPEG's segments hold 65 533 at most, so the data are always cut up."""
PHOTO = np.random.default_rng(5).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def jpeg(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=100, subsampling=0, **options)
    return buffer.getvalue()


def record(width, height, data):
    return struct.pack("<HHH", 2, width, height).ljust(32, b"\0") + data


def camera():
    values = bytearray(900)
    # black body at the lens: emissivity, distance, reflected, air and window temperature, transmission of the window
    struct.pack_into("<6f", values, 32, 1, 0, 293.15, 293.15, 293.15, 1)
    struct.pack_into("<f", values, 60, 0.5)
    struct.pack_into("<3f", values, 88, PLANCK["r1"], PLANCK["b"], PLANCK["f"])
    struct.pack_into("<5f", values, 112, 0.006569, 0.01262, -0.002276, -0.00667, 1.9)
    struct.pack_into("<if", values, 776, PLANCK["o"], PLANCK["r2"])
    return bytes(values)


def exif(orientation=1, zoom=1):
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.IFD.Exif] = {ExifTags.Base.DigitalZoomRatio: zoom}
    return tags


def flir(raw=RAW, photo=PHOTO, placing=(2.0, 3, -2), **tags):
    """A JPEG with the records for raw values (1), photo (14), camera (32) and placing of the photo (42)."""
    records = {1: record(raw.shape[1], raw.shape[0], raw.astype("<u2").tobytes()), 32: camera()}
    if photo is not None:
        records[14] = record(64, 48, photo if isinstance(photo, bytes) else jpeg(photo))
    if placing:
        records[42] = struct.pack("<fhhhhhh", *placing, 0, raw.shape[1] - 1, 0, raw.shape[0] - 1).ljust(32, b"\0")
    entries, body, count = b"", b"", len(records) + 4  # cameras leave entries empty
    for kind, content in records.items():
        entries += struct.pack(">HHIIII", kind, 2, 100, 1, 64 + 32 * count + len(body), len(content)).ljust(32, b"\0")
        body += content
    head = b"FFF\0" + b"TEST".ljust(16, b"\0") + struct.pack(">III", 101, 64, count)
    data = head.ljust(64, b"\0") + entries.ljust(32 * count, b"\0") + body
    parts = [data[start : start + PART] for start in range(0, len(data), PART)]
    numbered = [bytes([1, index, len(parts) - 1]) + part for index, part in enumerate(parts)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", 7 + len(part)) + b"FLIR\0" + part for part in numbered)
    shown = jpeg(np.full((24, 32, 3), (200, 90, 10), np.uint8), exif=exif(**tags))
    return shown[:2] + segments + shown[2:]


SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "big": "1.2.840.10008.1.2.2",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg": "1.2.840.10008.1.2.4.50",
}
"""Transfer syntaxes of DICOM, PS3.6, A."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def element(tag, kind, value, syntax):
    """One element: a tag, its value representation, and a text, bytes or numbers of 16 bits."""
    order = ">" if syntax == "big" else "<"
    if isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes):
        value = b"".join(struct.pack(order + ("h" if number < 0 else "H"), number) for number in np.atleast_1d(value))
    value += (b"\0" if kind in {"UI", "OB"} else b" ") * (len(value) % 2)
    head = struct.pack(order + "HH", *tag)
    if syntax == "implicit":
        return head + struct.pack("<I", len(value)) + value
    long = kind in {"OB", "OW"}
    return head + kind.encode() + struct.pack(order + ("2xI" if long else "H"), len(value)) + value


def packbits(data):
    """RLE without any repetition: up to 128 bytes as they are, PS3.5, G.3."""
    packed = b"".join(bytes([len(data[at : at + 128]) - 1]) + data[at : at + 128] for at in range(0, len(data), 128))
    return packed + b"\0" * (len(packed) % 2)


def rle(frame):
    """A frame by planes of bytes, the highest first, PS3.5, G.2."""
    planes = np.moveaxis(frame, -1, 0) if frame.ndim == 3 else frame[None]
    size = frame.dtype.itemsize
    big = [np.ascontiguousarray(plane).astype(frame.dtype.newbyteorder(">")).tobytes() for plane in planes]
    segments = [packbits(plane[byte::size]) for plane in big for byte in range(size)]
    starts = 64 + np.cumsum([0, *map(len, segments[:-1])])
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def items(*streams):
    """Pixels in a sequence of fragments, PS3.5, A.4; the first item, the table of offsets, is empty."""
    padded = [b"", *(stream + b"\0" * (len(stream) % 2) for stream in streams)]
    inner = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream for stream in padded)
    return struct.pack("<HH2s2xI", 0x7FE0, 0x10, b"OB", 0xFFFFFFFF) + inner + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def dicom(
    values, photometric="MONOCHROME2", syntax="explicit", *, planar=0, stored=None, frames=1, pixels=None, **more
):
    """A DICOM file of frames of H×W or H×W×3.

    Args:
        values: The stored values; with several frames they are the first dimension.
        photometric: As the file says.
        syntax: One of `SYNTAXES`.
        planar: 1 for whole planes of red, green and blue.
        stored: Bits stored, if fewer than the type has.
        frames: How many.
        pixels: Bytes to use in place of the values.
        more: Elements by their tag, such as t00281050=("DS", "40").
    """
    plain = "explicit" if syntax in {"rle", "jpeg"} else syntax
    shape, bits = values.shape[frames > 1 :], 8 * values.dtype.itemsize
    elements = {
        (0x8, 0x16): ("UI", SECONDARY_CAPTURE),
        (0x8, 0x18): ("UI", "1.2.3.4"),
        (0x8, 0x60): ("CS", "OT"),
        (0x28, 0x2): ("US", 3 if len(shape) == 3 else 1),
        (0x28, 0x4): ("CS", photometric),
        (0x28, 0x10): ("US", shape[0]),
        (0x28, 0x11): ("US", shape[1]),
        (0x28, 0x100): ("US", bits),
        (0x28, 0x101): ("US", stored or bits),
        (0x28, 0x102): ("US", (stored or bits) - 1),
        (0x28, 0x103): ("US", int(values.dtype.kind == "i")),
    }
    if len(shape) == 3:
        elements[0x28, 0x6] = ("US", planar)
    if frames > 1:
        elements[0x28, 0x8] = ("IS", str(frames))
    elements |= {(int(tag[1:5], 16), int(tag[5:], 16)): value for tag, value in more.items()}
    body = b"".join(element(tag, *elements[tag], plain) for tag in sorted(elements))

    if syntax == "rle":
        body += items(*map(rle, values if frames > 1 else [values]))
    elif syntax == "jpeg":
        body += items(pixels)
    else:
        laid = np.moveaxis(values, -1, -3) if planar else values
        raw = np.ascontiguousarray(laid).astype(values.dtype.newbyteorder(">" if syntax == "big" else "<")).tobytes()
        body += element((0x7FE0, 0x10), "OW" if bits == 16 or plain == "implicit" else "OB", pixels or raw, plain)
    head = b"".join(
        element((2, number), kind, value, "explicit")
        for number, kind, value in (
            (1, "OB", b"\0\1"), (2, "UI", SECONDARY_CAPTURE), (3, "UI", "1.2.3.4"), (16, "UI", SYNTAXES[syntax]),
            (18, "UI", "1.2.3"),
        )
    )  # fmt: skip
    return b"\0" * 128 + b"DICM" + element((2, 0), "UL", struct.pack("<I", len(head)), "explicit") + head + body


def nifti(values, code, *, sizes=None, slope=(0.0, 0.0)):
    """A NIfTI-1 file: sizes from the fastest on, code of the type, values in that order."""
    head = bytearray(352)
    sizes = values.shape[::-1] if sizes is None else sizes
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(sizes), *sizes, *[1] * (7 - len(sizes)))
    struct.pack_into("<hh", head, 70, code, 8 * values.size * values.itemsize // int(np.prod(sizes)))
    struct.pack_into("<8f", head, 76, *[1] * 8)
    struct.pack_into("<3f", head, 108, 352, *slope)
    struct.pack_into("<h", head, 254, 1)  # the axes are those of the scanner: right, forward, up
    struct.pack_into("<12f", head, 280, *np.eye(3, 4).ravel())
    head[344:348] = b"n+1\0"
    return bytes(head) + values.tobytes()
