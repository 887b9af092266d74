"""The protocols: whose numbers a score reproduces.

A protocol says what the metrics see of the stored pixels. What it changes in a metric is part of the metric's row in
the table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mmdrfuse.metrics.shared.gray import StoredImage, matlab_luma, pillow_luma, rounded_luma, single_luma
from mmdrfuse.metrics.shared.triple import StoredGray, Triple


@dataclass(frozen=True)
class Protocol:
    """One convention of computing fusion scores.

    Args:
        name: Its name.
        title: Whose numbers it reproduces.
        gray: From stored pixels to gray levels.
        per_channel: Score red, green and blue apart and take the mean, unless the fused image has one channel.
        aliases: Other names of it.
    """

    name: str
    title: str
    gray: Callable[[StoredImage], StoredGray]
    per_channel: bool = False
    aliases: tuple[str, ...] = ()

    def triples(self, fused: StoredImage, a: StoredImage, b: StoredImage) -> tuple[Triple, ...]:
        """Return what the metrics see: one triple of gray images, or one for each channel.

        Args:
            fused: (H, W) or (H, W, 3), values 0..255.
            a: The same for the first source.
            b: The same for the second source.

        Returns:
            One triple, or three.
        """
        if self.per_channel and fused.ndim == 3:
            return tuple(Triple(_channel(fused, k), _channel(a, k), _channel(b, k)) for k in range(3))
        return (Triple(self.gray(fused), self.gray(a), self.gray(b)),)


def _channel(image: StoredImage, index: int) -> StoredGray:
    # a gray image is paired with every channel of the others
    return image if image.ndim == 2 else image[..., index]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "standard",
            "each metric as its own paper defines it; only for TBC does the order of the sources matter",
            rounded_luma,
        ),
        Protocol("cddfuse", "programs of the CDDFuse and MMDRFuse papers", single_luma, aliases=("mmdrfuse",)),
        Protocol("vifb", "VIFB, Zhang, Ye, Xiao, CVPRW 2020", matlab_luma, per_channel=True),
        Protocol("tang", "Tang's Evaluation for Image Fusion, the code as published", matlab_luma),
        Protocol("tang-table", "Tang's published spreadsheet for TNO, which the code does not reproduce", matlab_luma),
        Protocol("liu", "Liu et al., TPAMI 34(1), 2012", matlab_luma),
        Protocol("zoo", "IVIF_ZOO, the kit of Liu et al., TPAMI 2025", pillow_luma, aliases=("ivif-zoo",)),
    )
}
