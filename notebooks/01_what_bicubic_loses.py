# %% [markdown]
# # 1. What bicubic interpolation loses
#
# **You will learn** what super-resolution has to do, why quality is measured on *luma*, and what PSNR and SSIM, the two
# numbers in every table, mean. **Time:** six minutes. **You need:** Python and a little NumPy.
#
# Enlarging a small photograph means making something up between the known pixels. The classical answer is bicubic
# interpolation: a smooth curve through the neighbours. In all that follows it is both the network's input and the
# baseline to beat, so let us see what it can and cannot do.

# %%
# %matplotlib inline
import numpy as np

from minidrcn import plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.degradation import crop_to_multiple
from minidrcn.data.image_io import luma, read_image, to_array
from minidrcn.data.resize import imresize
from minidrcn.metrics import psnr, ssim

cat, coins = image_paths("photos", held_out=True)
photo = to_array(read_image(cat))  # RGB in [0, 1]
print("photograph", photo.shape, photo.dtype, f"from {photo.min():.2f} to {photo.max():.2f}")

# %% [markdown]
# ## Shrink it, and enlarge it again
#
# Nobody has the sharp version of a small photograph, so we take a sharp one and shrink it ourselves. Then we know the
# answer. `imresize` does what MATLAB's function of that name does, because the numbers in the papers were made with it:
# it blurs before it shrinks, just enough to keep false detail out of the small picture (*antialiasing*).

# %%
scale = 3
sharp = crop_to_multiple(photo, scale)
small = imresize(sharp, 1 / scale)
enlarged = np.clip(imresize(small, scale), 0, 1)
print("sharp", sharp.shape, "small", small.shape, "enlarged", enlarged.shape)

# %%
eye = slice(90, 154), slice(140, 204)
plots.side_by_side([("bicubic, x3", enlarged), ("original", sharp)], eye)

# %% [markdown]
# Fur has become fog, edges have become ramps. Eight of every nine numbers were thrown away, and a smooth curve cannot
# bring them back. But photographs are not arbitrary: an edge that is a ramp here was almost surely a step. A network
# can learn that from examples.
#
# ## Luma
#
# The eye sees detail in brightness and hardly in colour, so the field restores brightness alone and interpolates
# colour. Brightness here is *luma*, the Y of television's YCbCr: a weighted sum of red, green and blue, in the "studio
# range" from 16 to 235.

# %%
weights = np.array([65.481, 128.553, 24.966])
by_hand = (16 + sharp @ weights) / 255
assert np.allclose(by_hand, luma(sharp))
print(f"green counts {weights[1] / weights[2]:.1f} times as much as blue; white is {16 + weights.sum():.0f}")

# %%
y = luma(sharp)
y_bicubic = imresize(imresize(y, 1 / scale), scale)
plots.feature_maps({"luma": y, "enlarged": y_bicubic}, columns=2)

# %%
plots.feature_maps({"what is missing": y - y_bicubic}, symmetric=True, columns=1)

# %% [markdown]
# The last picture, the *residual*, is all that a network has to find: white is zero, red should become lighter, blue
# darker. It is zero nearly everywhere, because flat regions are fine. This is why DRCN adds its input to its output
# (the *skip connection*, lesson 7): it then only has to find the residual.
#
# ## PSNR: how large is the error?
#
# Compare the mean squared error with the square of the largest possible value, on a logarithmic scale, in decibels:
#
# $$\mathrm{PSNR} = 10 \log_{10} \frac{255^2}{\mathrm{mean}\,(a - b)^2}$$

# %%
a, b = np.round(255 * y), np.round(255 * y_bicubic)
error = np.mean((a - b) ** 2)
by_hand = 10 * np.log10(255**2 / error)
print(f"mean squared error {error:.1f}, that is {np.sqrt(error):.1f} grey levels; PSNR {by_hand:.2f} dB")
assert np.isclose(by_hand, psnr(a, b))

# %% [markdown]
# Halving the error of every pixel is worth the same number of decibels whatever the error was:

# %%
halved = a + (b - a) / 2
print(f"+{psnr(a, halved) - psnr(a, b):.2f} dB")

# %% [markdown]
# ## SSIM: is the structure still there?
#
# PSNR does not care *where* an error is. Here are two pictures with the same PSNR: one under an even grey veil, the
# other blurred by the enlargement. SSIM compares means, variances and covariance in small windows, and tells them
# apart.

# %%
veil = a + np.sqrt(error)
print(f"veil      {psnr(a, veil):.2f} dB  SSIM {ssim(a, veil):.4f}")
print(f"bicubic   {psnr(a, b):.2f} dB  SSIM {ssim(a, b):.4f}")
assert np.isclose(psnr(a, veil), psnr(a, b))
assert ssim(a, veil) > ssim(a, b)

# %% [markdown]
# ## "Which PSNR is this?"
#
# Super-resolution projects are asked this more often than anything else. Here is one enlargement, measured in four ways
# that are all called PSNR:

# %%
s = scale
grey_sharp, grey_enlarged = sharp @ [0.299, 0.587, 0.114], enlarged @ [0.299, 0.587, 0.114]
plots.bars(
    {
        "luma, 16 to 235": psnr(a, b),
        "luma, border shaved": psnr(a[s:-s, s:-s], b[s:-s, s:-s]),
        "luma, 0 to 255": psnr(255 * grey_sharp, 255 * grey_enlarged),
        "red, green, blue": 10 * np.log10(1 / np.mean((sharp - enlarged) ** 2)),
    },
    "PSNR (dB)",
    ".2f",
)

# %% [markdown]
# A PSNR means something only together with how it was measured. This project measures as the paper did: on studio-range
# luma, with the input clamped, the output rounded, and as many pixels shaved off each border as the scale.
# `minidrcn.imaging.protocol` does these steps, and `python -m minidrcn.evaluate` prints them below its table.

# %%
from minidrcn.imaging.protocol import load_sample, measure

sample = load_sample(cat, scale)
quality = measure(sample.x, sample)  # the network's input is the bicubic result
print(f"by the paper's protocol: {quality.psnr:.2f} dB, SSIM {quality.ssim:.4f}")
clamped = np.clip(np.round(255 * y_bicubic), 16, 235)
assert abs(quality.psnr - psnr(np.round(255 * y)[s:-s, s:-s], clamped[s:-s, s:-s])) < 0.01

# %% [markdown]
# ## To try
#
# 1. Set `scale` to 2 and to 4 and run the notebook again. How many decibels does each step cost?
# 2. Load `coins` instead of `cat` (it is grey: make it RGB by `np.dstack([photo] * 3)`). Where is "what is missing"
#    largest, and why is the PSNR so much lower?
# 3. Shift the sharp picture by one pixel (`np.roll`) and measure it against the unshifted one. Would you see the
#    difference? What does that say about comparing images that were enlarged by two different programs?
