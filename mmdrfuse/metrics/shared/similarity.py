"""Structural similarity of one window, and how its statistics weigh it; called by compiled loops over all windows."""

from mmdrfuse.system.compiling import compiled

FLAT = 1e-9 * 255.0**2
"""Variance below which a window is flat: whole numbers give at least 0.001 in 7×7 pixels."""

WANG = ((0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2)
"""C1 and C2 of Wang et al. 2004."""

BARE = (2e-16, 2e-16)
"""C1 and C2 of Liu et al. 2012 for Q_C and Q_Y: just enough to avoid 0/0."""


@compiled(error_model="numpy")
def similarity(
    mu_x: float, mu_y: float, var_x: float, var_y: float, cov: float, constants: tuple[float, float]
) -> float:
    """Compute the structural similarity of two images in one window.

    Args:
        mu_x: Mean of the one.
        mu_y: Mean of the other.
        var_x: Variance of the one.
        var_y: Variance of the other.
        cov: Their covariance.
        constants: C1 and C2, which keep 0/0 away.

    Returns:
        -1..1.

    References:
        Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing, 2004.
    """
    c1, c2 = constants
    luminance = (2.0 * mu_x * mu_y + c1) / (mu_x * mu_x + mu_y * mu_y + c1)
    return luminance * ((2.0 * cov + c2) / (var_x + var_y + c2))


@compiled()
def flattened(value: float, tolerance: float) -> float:
    """Return a variance or covariance, 0 if it is as good as 0; a negative tolerance keeps rounding noise."""
    return 0.0 if abs(value) <= tolerance else value


@compiled(error_model="numpy")
def share(one: float, other: float, tolerance: float, undefined: float) -> float:
    """Return ``one / (one + other)``, and what is `undefined` where that is 0/0."""
    total = flattened(one + other, tolerance)
    return undefined if total == 0.0 else one / total
