"""What others have measured under the same protocol: Kim, Lee and Lee, CVPR 2016, the table of results."""

from __future__ import annotations

from .protocol import Quality

METHODS = ("Bicubic", "A+", "SRCNN", "DRCN")

# PSNR in dB and SSIM of the methods in that order, by set and scale.
_TABLE = {
    ("set5", 2): (33.66, 0.9299, 36.54, 0.9544, 36.66, 0.9542, 37.63, 0.9588),
    ("set5", 3): (30.39, 0.8682, 32.58, 0.9088, 32.75, 0.9090, 33.82, 0.9226),
    ("set5", 4): (28.42, 0.8104, 30.28, 0.8603, 30.48, 0.8628, 31.53, 0.8854),
    ("set14", 2): (30.24, 0.8688, 32.28, 0.9056, 32.42, 0.9063, 33.04, 0.9118),
    ("set14", 3): (27.55, 0.7742, 29.13, 0.8188, 29.28, 0.8209, 29.76, 0.8311),
    ("set14", 4): (26.00, 0.7027, 27.32, 0.7491, 27.49, 0.7503, 28.02, 0.7670),
    ("b100", 2): (29.56, 0.8431, 31.21, 0.8863, 31.36, 0.8879, 31.85, 0.8942),
    ("b100", 3): (27.21, 0.7385, 28.29, 0.7835, 28.41, 0.7863, 28.80, 0.7963),
    ("b100", 4): (25.96, 0.6675, 26.82, 0.7087, 26.90, 0.7101, 27.23, 0.7233),
    ("urban100", 2): (26.88, 0.8403, 29.20, 0.8938, 29.50, 0.8946, 30.75, 0.9133),
    ("urban100", 3): (24.46, 0.7349, 26.03, 0.7973, 26.24, 0.7989, 27.15, 0.8276),
    ("urban100", 4): (23.14, 0.6577, 24.32, 0.7183, 24.52, 0.7221, 25.14, 0.7510),
}


def published(data: str, scale: int) -> dict[str, Quality]:
    """The mean PSNR and SSIM that each method is published with on a set; empty for a set that is not in the table."""
    row = _TABLE.get((data.lower(), scale), ())
    return {name: Quality(*row[2 * k : 2 * k + 2]) for k, name in enumerate(METHODS) if row}
