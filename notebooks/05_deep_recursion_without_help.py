# %% [markdown]
# # 5. Deep recursion without help
#
# **You will learn** why a kernel that is applied many times makes gradients vanish or explode, what the identity as a
# start changes, and to watch the paper's *basic model* struggle. **Time:** eight minutes. **You need:** lesson 4.
#
# Lesson 4 found $dL/dw = D\,w^{D-1} h_0$ for one number. Look at the power: for $w = 0.5$ and $D = 16$ it is tiny, for
# $w = 2$ it is huge. The same happens to whole networks. DRCN's authors open their paper with it: trained directly, a
# deep recursive network does not converge.

# %%
# %matplotlib inline
import numpy as np

from minidrcn import DRCN, plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.imaging.protocol import load_sample
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig

print({w: f"{16 * w**15:.3g}" for w in (0.5, 0.8, 1.0, 1.2, 2.0)})

# %% [markdown]
# ## The gradient at each recursion
#
# Take the paper's basic model: D recursions, one prediction at the end, no skip. Start its recursion with random
# numbers of the size that He et al. recommend, times a gain. Send one batch of patches through and look at the
# gradient that reaches each use of the recursive convolution, from the last (on the right) back to the first.

# %%
config = TrainingConfig(filters=16, recursions=16, batch=8)
pairs = [load_pair(path, config.scale, config.patch) for path in image_paths("photos")]
batch = study.probe(config, pairs)
BASIC = {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True}
basic = DRCN(16, 16, **BASIC)


def with_gain(gain):
    random = study.with_he_recursion(basic, seed=1)
    return random.with_params({**random.params, "recursion.w": np.float32(gain) * random.params["recursion.w"]})


gradients = {f"He x {gain:g}": study.gradient_by_recursion(with_gain(gain), batch) for gain in (0.5, 1, 2)}
gradients["identity"] = study.gradient_by_recursion(basic, batch)
for name, lengths in gradients.items():
    print(f"{name:9} the first recursion receives {lengths[0] / lengths[-1]:.2g} times what the last one does")

# %%
depth = range(1, 17)
plots.lines(
    {name: (depth, lengths) for name, lengths in gradients.items()}, "recursion d", "length of the gradient", log="y"
)

# %% [markdown]
# On a logarithmic axis the random starts are nearly straight lines: each recursion multiplies what comes back by about
# the same factor. That is the $w^{D-1}$ of lesson 4. He's own gain comes close to a level line here, a factor of two
# either way does not, and nothing holds the kernel at that gain once training moves it.
#
# With the **identity** the recursion starts as "hand everything on". Nothing grows and nothing fades, whatever D is.
# This is how the paper starts, and so does the package:

# %%
centre = basic.params["recursion.w"][1, 1]
assert np.array_equal(centre, np.eye(16))
assert basic.params["recursion.w"].sum() == 16

# %% [markdown]
# ## How the factor depends on D
#
# If every recursion multiplies by a factor, the ratio between the first and the last gradient is that factor to the
# power of D - 1. Measure it for several depths:

# %%
factors = {}
for D in (2, 4, 8, 16):
    deep = study.with_he_recursion(DRCN(16, D, **BASIC), seed=1)
    deep = deep.with_params({**deep.params, "recursion.w": np.float32(0.5) * deep.params["recursion.w"]})
    lengths = study.gradient_by_recursion(deep, batch)
    factors[D] = (lengths[0] / lengths[-1]) ** (1 / (D - 1))
    print(f"D = {D:2}: first / last = {lengths[0] / lengths[-1]:.1e}, a factor of {factors[D]:.2f} a recursion")
assert all(0.2 < factor < 0.7 for factor in factors.values())

# %% [markdown]
# Not quite one factor: it grows a little with D. Applying the same kernel again and again turns any gradient into the
# direction that this kernel shrinks least (who knows *power iteration* will recognise it). But a factor below one to
# the power of D - 1 it stays.
#
# ## Train it
#
# The identity helps at the start only. Train the basic model, and the whole DRCN (with what lesson 6 is about), alike:
# same filters, depth, patches and rate. The quality is measured on two photographs that neither has seen; at 0 stands
# bicubic interpolation.

# %%
samples = [load_sample(path, config.scale) for path in image_paths("photos", held_out=True)]
bicubic = study.bicubic_quality(samples)
short = {"filters": 16, "recursions": 8, "batch": 8, "steps": 100}
networks = {
    "basic model": TrainingConfig(**short, **BASIC),
    "DRCN": TrainingConfig(**short),
}
curves = {}
for name, network_config in networks.items():
    snapshots = list(study.train_snapshots(network_config, pairs, every=25))
    gains = [study.quality(snapshot.model, samples)[0] - bicubic for snapshot in snapshots]
    curves[name] = [snapshot.step for snapshot in snapshots], gains
    print(f"{name:12} {gains[-1]:+.2f} dB against bicubic after {snapshots[-1].step} updates")
plots.lines(curves, "update", "PSNR above bicubic (dB)")

# %%
assert curves["DRCN"][1][-1] > 0.3
assert curves["basic model"][1][-1] < curves["DRCN"][1][-1] - 0.5

# %% [markdown]
# The basic model has to carry the whole photograph through all its recursions before it can add anything to it. It
# spends its training learning to copy. The whole DRCN starts at bicubic's quality, because of its skip, and is
# soon above it. (Given ten times as many updates the basic model learns, too: the figure of contributions in
# `results.md` shows it. The point is what the same time buys.)
#
# ## To try
#
# 1. Find, by trying gains, the one for which the first and the last recursion receive the same. Does it hold for
#    another seed, or for 32 filters?
# 2. Start the DRCN of the last experiment from He's kernel
#    (`study.train_snapshots(..., model=study.with_he_recursion(...))`).
#    Is it slower?
# 3. In the training cell, give the basic model `skip=True` and nothing else. How much of the distance is gone?
