"""Colours as people see them who lack one kind of cone, and how far apart two of them are then."""

import math
from operator import mul

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes: A Physiologically-based Model for Simulation of Color Vision
# Deficiency, 2009; severity 1.0, for linear RGB.
SIMULATED = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}

# Of linear sRGB to CIE XYZ, each row divided by the white of D65.
_XYZ = ((0.433953, 0.376219, 0.189828), (0.212673, 0.715152, 0.072175), (0.017758, 0.109477, 0.872766))


def linear(colour: str) -> list[float]:
    """Return red, green and blue of a colour in hex, from 0 to 1, in proportion to their light."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    return [at / 12.92 if at <= 0.04045 else ((at + 0.055) / 1.055) ** 2.4 for at in channels]


def distance(one: str, other: str, seen_with: str) -> float:
    """Return the distance of two colours for people with a deficiency: Delta E of CIE 1976."""
    return math.dist(*(_lab(_times(SIMULATED[seen_with], linear(colour))) for colour in (one, other)))


def _times(matrix: tuple[tuple[float, ...], ...], vector: list[float]) -> list[float]:
    return [min(1.0, max(0.0, sum(map(mul, row, vector)))) for row in matrix]


def _lab(rgb: list[float]) -> tuple[float, float, float]:
    x, y, z = (at ** (1 / 3) if at > 216 / 24389 else (24389 / 27 * at + 16) / 116 for at in _times(_XYZ, rgb))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
