# %% [markdown]
# # 6. Deep recursion without help
#
# **You will learn** why a kernel that is applied many times makes gradients vanish or explode, what starting from the
# identity changes, and how the paper's *basic model* struggles. **Time:** eight minutes. **You need:** lesson 4.
#
# Lesson 4 found $dL/dw = D\,w^{D-1} h_0$ for one number. Look at the power: for $w = 0.5$ and $D = 16$ it is tiny
# (*vanishing gradient*), for $w = 2$ it is huge (*exploding gradient*). The same happens in whole networks. DRCN's
# authors open their paper with this: trained directly, a deep recursive network does not converge.

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
# Take the paper's basic model: D recursions, one prediction at the end, no skip. Initialise its recursive kernel as He
# et al. recommend (PyTorch's `kaiming_normal_`), times a gain. Send one batch of patches through and look at the
# gradient that reaches each use of the recursive convolution, from the last (on the right) back to the first.

# %%
config = TrainingConfig(filters=16, recursions=16, batch=8)
pairs = [load_pair(path, config.scale, config.patch) for path in image_paths("photos")]
batch = study.probe_batch(config, pairs)
BASIC = {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True}
basic = DRCN(16, 16, **BASIC)


def with_gain(gain):
    random = study.with_he_recursion(basic, seed=1)
    return random.with_params({**random.params, "recursion.w": np.float32(gain) * random.params["recursion.w"]})


gradients = {f"He x {gain:g}": study.gradient_norms(with_gain(gain), batch) for gain in (0.5, 1, 2)}
gradients["identity"] = study.gradient_norms(basic, batch)
for name, lengths in gradients.items():
    print(f"{name:9} the first recursion receives {lengths[0] / lengths[-1]:.2g} times what the last one does")

# %%
depth = range(1, 17)
plots.lines(
    {name: (depth, lengths) for name, lengths in gradients.items()}, "recursion d", "norm of the gradient", log="y"
)

# %% [markdown]
# On a logarithmic axis the random starts are nearly straight lines: each recursion multiplies what comes back by about
# the same factor. That is the $w^{D-1}$ of lesson 4. He et al.'s own gain gives a nearly level line here, half or twice
# that gain does not, and nothing keeps the kernel at the right gain once training changes it.
#
# With the **identity** as its kernel the recursion starts by passing everything on unchanged. Nothing grows and nothing
# fades, whatever D is. The paper starts like this, and so does the package:

# %%
centre = basic.params["recursion.w"][1, 1]
assert np.array_equal(centre, np.eye(16))
assert basic.params["recursion.w"].sum() == 16

# %% [markdown]
# ## How the factor depends on D
#
# If every recursion multiplies by the same factor, the ratio of the first gradient to the last is that factor to the
# power of D - 1. Measure the factor for several depths:

# %%
factors = {}
for D in (2, 4, 8, 16):
    deep = study.with_he_recursion(DRCN(16, D, **BASIC), seed=1)
    deep = deep.with_params({**deep.params, "recursion.w": np.float32(0.5) * deep.params["recursion.w"]})
    lengths = study.gradient_norms(deep, batch)
    factors[D] = (lengths[0] / lengths[-1]) ** (1 / (D - 1))
    print(f"D = {D:2}: first / last = {lengths[0] / lengths[-1]:.1e}, a factor of {factors[D]:.2f} per recursion")
assert all(0.2 < factor < 0.7 for factor in factors.values())

# %% [markdown]
# The factor is not quite constant: it grows a little with D. Applying the same kernel again and again turns any
# gradient towards the direction that this kernel shrinks the least (this is *power iteration*). But it is still a
# factor below one to the power of D - 1.
#
# ## Train it
#
# The identity helps only at the start. Train the basic model and the full DRCN (with the two ideas of lesson 7) alike:
# same filters, depth, patches and learning rate. Quality is measured on two photographs that neither has seen; 0 is
# bicubic interpolation.

# %%
samples = [load_sample(path, config.scale) for path in image_paths("photos", held_out=True)]
bicubic = study.bicubic_psnr(samples)
short = {"filters": 16, "recursions": 8, "batch": 8, "steps": 100}
networks = {
    "basic model": TrainingConfig(**short, **BASIC),
    "DRCN": TrainingConfig(**short),
}
curves = {}
for name, network_config in networks.items():
    snapshots = list(study.train_snapshots(network_config, pairs, every=25))
    gains = [study.mean_psnr(snapshot.model, samples)[0] - bicubic for snapshot in snapshots]
    curves[name] = [snapshot.step for snapshot in snapshots], gains
    print(f"{name:12} {gains[-1]:+.2f} dB against bicubic after {snapshots[-1].step} updates")
plots.lines(curves, "update", "PSNR above bicubic (dB)")

# %%
assert curves["DRCN"][1][-1] > 0.3
assert curves["basic model"][1][-1] < curves["DRCN"][1][-1] - 0.5

# %% [markdown]
# The basic model has to carry the whole photograph through all its recursions before it can add anything to it, so it
# spends its training learning to copy. The full DRCN starts at the quality of bicubic interpolation, because of its
# skip, and is soon above it. (Given ten times as many updates the basic model learns, too, as the figure of
# contributions in `results.md` shows. The point is how much is learned in the same time.)
#
# ## To try
#
# 1. By trial, find the gain for which the first and the last recursion receive the same. Does it hold for another seed,
#    or for 32 filters?
# 2. Start the DRCN of the last experiment from He et al.'s random kernel
#    (`study.train_snapshots(..., model=study.with_he_recursion(...))`). Does it learn more slowly?
# 3. In the training cell, give the basic model `skip=True, output_relu=False` (with its last ReLU no pixel could become
#    darker). How much of the gap does that close?
