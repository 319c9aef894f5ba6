# %% [markdown]
# # 1. What bicubic interpolation loses
#
# **You will learn** what super-resolution is asked to do, why the field measures on *luma*, and what the two numbers in
# every table, PSNR and SSIM, say. **Time:** six minutes. **You need:** Python and a little NumPy.
#
# A small photograph is to be shown large. Between two known pixels something has to be made up. The classical answer is
# bicubic interpolation: a smooth curve through the neighbours. It is the network's input and its rival in all that
# follows, so let us see what it can and cannot do.

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
# answer. `imresize` is MATLAB's function of that name, because the numbers in the papers were made with it: before it
# shrinks, it blurs as much as is needed for the small picture to hold no wrong detail.

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
# bring them back. What *can* be known about them is that photographs are not arbitrary: an edge that is a ramp here was
# almost surely a step. A network can learn that from examples.
#
# ## Luma
#
# The eye sees detail in brightness and hardly in colour. The field therefore restores brightness alone and
# interpolates colour. Brightness here is the *luma* of television, Y: a weighted sum of red, green and blue, in the
# "studio range" from 16 to 235.

# %%
weights = np.array([65.481, 128.553, 24.966])
by_hand = (16 + sharp @ weights) / 255
assert np.allclose(by_hand, luma(sharp))
print(f"green counts {weights[1] / weights[2]:.1f} times as much as blue; white is {16 + weights.sum():.0f}")

# %%
y = luma(sharp)
y_bicubic = imresize(imresize(y, 1 / scale), scale)
plots.maps({"luma": y, "enlarged": y_bicubic}, columns=2)

# %%
plots.maps({"what is missing": y - y_bicubic}, symmetric=True, columns=1)

# %% [markdown]
# The last picture is all that a network has to find: white is zero, red should be lighter, blue darker. It is zero
# nearly everywhere: flat regions are fine. This is why DRCN adds its input to its output (the *skip*, lesson 6): it
# then only has to find what is missing.
#
# ## PSNR: how large is the error?
#
# Take the mean squared error and hold it against the square of the largest possible value. On a logarithmic scale, in
# decibels:
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
# PSNR does not care *where* an error is. Here are two pictures of the same PSNR: one with an even grey veil, one
# blurred by the enlargement. SSIM compares means, variances and covariance in small windows, and tells them apart.

# %%
veil = a + np.sqrt(error)
print(f"veil      {psnr(a, veil):.2f} dB  SSIM {ssim(a, veil):.4f}")
print(f"bicubic   {psnr(a, b):.2f} dB  SSIM {ssim(a, b):.4f}")
assert np.isclose(psnr(a, veil), psnr(a, b))
assert ssim(a, veil) > ssim(a, b)

# %% [markdown]
# ## "Which PSNR is this?"
#
# The most frequent question asked of super-resolution projects. Here is one enlargement, measured in ways that are all
# called PSNR:

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
# A number means something only beside the way it was measured. This project measures as the paper did: studio-range
# luma, input clamped, output rounded, as many border pixels shaved as the scale. `minidrcn.imaging.protocol` does these
# steps, and `python -m minidrcn.evaluate` prints them below its table.

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
# 1. Set `scale` to 2 and to 4 and run the page again. How many decibels does each step cost?
# 2. Load `coins` instead of `cat` (it is grey: `luma` is not needed). Where is "what is missing" largest, and why is
#    the PSNR so much lower?
# 3. Shift the sharp picture by one pixel (`np.roll`) and measure it against itself. Would you see the difference? What
#    does that say about comparing images that were enlarged by two different programs?
