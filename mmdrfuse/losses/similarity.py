"""Similarity of two images in structure (SSIM) and in gradients (GMSD): the scores of dynamic refresh.

Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment: from error visibility to structural
similarity", IEEE TIP 2004. Xue, Zhang, Mou, Bovik: "Gradient magnitude similarity deviation", IEEE TIP
2014, https://arxiv.org/abs/1308.3052.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from mmdrfuse.errors import SizeError

WINDOW = 11
SIGMA = 1.5
"""Side and standard deviation in pixels of SSIM's Gaussian window (Wang et al. 2004)."""

C1 = 0.01**2
C2 = 0.03**2
"""SSIM's stabilisers for images in [0, 1] (Wang et al. 2004)."""

C_GRADIENT = 170.0 / 255.0**2
"""GMSD's stabiliser: 170 on the 0–255 scale (Xue et al. 2014), here for images in [0, 1]."""

FLAT = 1e-16
"""Added under a root, so that flat regions have finite derivatives; far below one gray level squared."""


def quality(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute both scores of each sample against its two sources; higher is better.

    ``s = SSIM(F, I) + SSIM(F, V)`` and ``-g = -(GMSD(F, I) + GMSD(F, V))``: GMSD has its sign changed,
    so that higher is better in both.

    Args:
        fused: (N, 1, H, W), in [0, 1], sides of at least 11.
        infrared: The same shape.
        visible: The same shape.

    Returns:
        (2, N): structure, in [-2, 2], and detail, at most 0.

    Raises:
        SizeError: The images are smaller than SSIM's window.
    """
    sources = torch.cat([infrared, visible], dim=1)
    return torch.stack([2 * ssim(fused, sources), -2 * gmsd(fused, sources)])


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Compute the structural similarity, the mean of ``(2μaμb+C1)(2σab+C2) / ((μa²+μb²+C1)(σa²+σb²+C2))``.

    Args:
        a: (N, 1, H, W), in [0, 1], sides of at least 11.
        b: (N, K, H, W).

    Returns:
        (N,), the mean over the K images, in [-1, 1]; 1 where the two are equal.

    Raises:
        SizeError: The images are smaller than the 11×11 window; there is no padding.

    References:
        Wang et al. 2004.
    """
    _check_sizes(a)
    count = b.shape[1]
    moments = _blur(torch.cat([a, b, a * a, b * b, a * b], dim=1))
    mu_a, mu_b, aa, bb, ab = torch.split(moments, [1, count, 1, count, count], dim=1)
    sigma_a = aa - mu_a * mu_a
    sigma_b = bb - mu_b * mu_b
    sigma_ab = ab - mu_a * mu_b

    luminance = (2 * mu_a * mu_b + C1) / (mu_a * mu_a + mu_b * mu_b + C1)
    structure = (2 * sigma_ab + C2) / (sigma_a + sigma_b + C2)
    return (luminance * structure).flatten(1).mean(dim=1)


def gmsd(a: Tensor, b: Tensor) -> Tensor:
    """Compute the gradient magnitude similarity deviation, that of ``(2|∇a||∇b|+c) / (|∇a|²+|∇b|²+c)``.

    The images are halved by means of 2×2 pixels. Prewitt's filter is divided by 3 and leaves out the borders. The
    deviation divides by n-1.

    Args:
        a: (N, 1, H, W), in [0, 1], sides of at least 11.
        b: (N, K, H, W).

    Returns:
        (N,), the mean over the K images, non-negative; 0 where the two have the same gradients.

    Raises:
        SizeError: The images are smaller than 11 pixels a side.

    References:
        Xue et al. 2014.
    """
    _check_sizes(a)
    squared_gradients = _squared_gradient(torch.cat([a, b], dim=1))
    aa, bb = torch.split(squared_gradients, [1, b.shape[1]], dim=1)
    similarity = (2 * (aa * bb + FLAT**2).sqrt() + C_GRADIENT) / (aa + bb + C_GRADIENT)
    return similarity.flatten(2).std(dim=2).mean(dim=1)


def _check_sizes(image: Tensor) -> None:
    height, width = image.shape[-2:]
    if min(height, width) < WINDOW:
        raise SizeError(
            f"images of {width}x{height} pixels are smaller than SSIM's {WINDOW}x{WINDOW} window",
            cure="patch",
        )


def _blur(images: Tensor) -> Tensor:
    """Filter every channel with the Gaussian window, rows then columns, without padding.

    On a CPU, channels last in memory are fastest: eight channels took 5 ms, and 54 ms one by one.
    """
    count = images.shape[1]
    offsets = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(offsets.square() / (-2 * SIGMA**2))
    window = (weights / weights.sum()).expand(count, 1, 1, -1)

    rows = conv2d(images.contiguous(memory_format=torch.channels_last), window, groups=count)
    return conv2d(rows, window.transpose(2, 3), groups=count).contiguous()


def _squared_gradient(image: Tensor) -> Tensor:
    """Compute the squared magnitude of Prewitt's gradient of the image at half size."""
    height, width = (side // 2 * 2 for side in image.shape[-2:])
    rows = image[..., 0:height:2, :width] + image[..., 1:height:2, :width]
    half = (rows[..., 0::2] + rows[..., 1::2]) / 4

    # Differences over two pixels, added over three rows or columns.
    across = half[..., 2:] - half[..., :-2]
    across = across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :]
    down = half[..., 2:, :] - half[..., :-2, :]
    down = down[..., :-2] + down[..., 1:-1] + down[..., 2:]
    return (across.square() + down.square()) / 9
