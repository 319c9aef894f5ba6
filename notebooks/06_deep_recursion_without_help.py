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
import numpy as np

gradients = {w: 16 * w**15 for w in (0.5, 0.8, 1.0, 1.2, 2.0)}
for w, gradient in gradients.items():
    print(f"w = {w}: dL/dw = {gradient:.3g}")
assert gradients[0.5] < 0.001
assert gradients[2.0] > 500_000

# %% [markdown]
# ## How large should random kernels be?
#
# A network begins with random kernels; this is its *initialisation*. How large should their numbers be? Follow the size
# of a signal, its root mean square (*rms*), through one convolution and its ReLU. An output is a sum of $n = 9 C$
# products of a weight and an input (n is the *fan-in*). For independent random weights of mean zero the mean square of
# the sum is $n \cdot \mathrm{var}(w)$ times the mean square of the inputs. Then the ReLU removes the negative half, and
# half of the mean square with it. So each layer multiplies the mean square by $n\,\mathrm{var}(w) / 2$, and the signal
# keeps its size if
#
# $$\mathrm{var}(w) = \frac{2}{n}$$
#
# This is the initialisation of He et al. (2015), PyTorch's `kaiming_normal_`. Try it with 16 convolutions in a row,
# each with a kernel of its own, and with kernels half and twice as large:

# %%
from minidrcn import plots
from minidrcn.ops.conv import conv2d_forward

sizes = {}
for gain in (0.5, 1, 2):
    rng = np.random.default_rng(6)
    h = rng.normal(size=(1, 24, 24, 32))
    sizes[f"He x {gain:g}"] = [np.sqrt(np.mean(h**2))]
    for _ in range(16):
        w = gain * np.sqrt(2 / (9 * 32)) * rng.normal(size=(3, 3, 32, 32))
        h = np.maximum(conv2d_forward(h, w, np.zeros(32))[0], 0)
        sizes[f"He x {gain:g}"].append(np.sqrt(np.mean(h**2)))
plots.lines(
    {name: (range(17), values) for name, values in sizes.items()}, "layers", "size of the signal (rms)", log="y"
)

# %%
for name, values in sizes.items():
    print(f"{name:8} after 16 layers the signal is {values[-1] / values[0]:.2g} times as large")
assert 0.05 < sizes["He x 1"][-1] / sizes["He x 1"][0] < 1
assert sizes["He x 0.5"][-1] < 1e-4 * sizes["He x 1"][-1] < 1e-8 * sizes["He x 2"][-1]

# %% [markdown]
# With He's own size the signal loses a little per layer here (at the border, where part of each window is padding).
# With numbers half as large every layer halves it besides, and 16 layers make it $2^{-16}$ times as large. The same
# happens to the gradient on its way back.
#
# ## The gradient at each recursion
#
# Now the recursion, where it is the *same* kernel every time. Take the paper's basic model: D recursions, one
# prediction at the end, no skip (and, as its equations are printed, a ReLU after every convolution). Give its
# recursion a random kernel of He's size, times a gain. Send one batch of patches through and look at the gradient
# that reaches each use of the recursive convolution, from the last (on the right) back to the first.
# (`study.probe_batch` draws a batch that is used for measuring only; `study.gradient_norms` notes the norm of `dh` at
# every use, once it is back through the ReLU.)

# %%
from minidrcn import DRCN
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig

config = TrainingConfig(filters=16, recursions=16, batch=8)  # the options of a training, most at their defaults
pairs = [load_pair(path, config.scale, config.patch) for path in image_paths("photos")]
batch = study.probe_batch(config, pairs)
BASIC = {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True}
basic = DRCN(16, 16, **BASIC)


def with_gain(gain):
    random = study.with_he_recursion(basic, seed=1)
    return random.with_params({**random.params, "recursion.w": np.float32(gain) * random.params["recursion.w"]})


lengths_of = {f"He x {gain:g}": study.gradient_norms(with_gain(gain), batch) for gain in (0.5, 1, 2)}
lengths_of["identity"] = study.gradient_norms(basic, batch)
for name, lengths in lengths_of.items():
    print(f"{name:9} the first recursion receives {lengths[0] / lengths[-1]:.2g} times what the last one does")

# %%
depth = range(1, 17)
plots.lines(
    {name: (depth, lengths) for name, lengths in lengths_of.items()}, "recursion d", "norm of the gradient", log="y"
)

# %% [markdown]
# On a logarithmic axis the random starts are nearly straight lines: each recursion multiplies what comes back by about
# the same factor. That is the $w^{D-1}$ of lesson 4. He et al.'s own gain gives a nearly level line here, half or twice
# that gain does not, and nothing keeps the kernel at the right gain once training changes it.
#
# The kernel is shared, so why does it matter if the gradient vanishes at the *first* use? A use contributes its `dh`
# times its input (lesson 4). With half of He's size the last uses have a strong gradient, but the map that arrives
# there has faded on its way forward, as in the figure before; at the first uses it is the other way round. So the
# shared kernel gets little from any use, and the embedding, which comes before all of them, next to nothing.
#
# With the **identity** as its kernel the recursion starts by passing everything on unchanged. Nothing grows and nothing
# fades, whatever D is. The paper starts like this, and so does the package:

# %%
centre = basic.params["recursion.w"][1, 1]
assert np.array_equal(centre, np.eye(16))
assert basic.params["recursion.w"].sum() == 16
assert 0.5 < lengths_of["identity"][0] / lengths_of["identity"][-1] < 2
print(
    "the kernel is 1 from each channel to itself, in the middle, and 0 elsewhere; the gradient is the same at every use"
)

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
print("the factor stays well below one, so the ratio falls exponentially with D")

# %% [markdown]
# The factor is not quite constant: it grows from 0.34 to 0.51. Applying the same kernel again and again turns any
# gradient towards the direction that this kernel shrinks the least (this is *power iteration*). But it is still a
# factor below one to the power of D - 1.
#
# ## Train it
#
# With the identity nothing vanishes at the start. Is the basic model then as good as the full DRCN, which has the two
# ideas of lesson 7? Train both alike: same filters, depth, patches and learning rate. (They differ in their ReLUs,
# too: the basic model has one after every convolution, DRCN none in the reconstruction.) Quality is measured on two
# photographs that neither has seen; 0 is bicubic interpolation.

# %%
from minidrcn.imaging.protocol import load_sample

samples = [load_sample(path, config.scale) for path in image_paths("photos", held_out=True)]
bicubic = study.bicubic_psnr(samples)
short = {"filters": 16, "recursions": 8, "batch": 8, "patch": 25, "steps": study.updates(100)}
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
lead = curves["DRCN"][1][-1] - curves["basic model"][1][-1]
print(f"after {curves['DRCN'][0][-1]} updates DRCN is {lead:.1f} dB ahead")

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
# 2. Start the DRCN of the last experiment from He et al.'s random kernel (`study.train_snapshots(...,
#    model=study.with_he_recursion(...))`). Does it learn more slowly?
# 3. In the training cell, give the basic model `skip=True, output_relu=False` (with its last ReLU no pixel could become
#    darker). How much of the gap does that close?
#
# <details><summary>Answers</summary>
#
# 1. 0.98 for this seed on our machine, 1.11 and 0.94 for seeds 2 and 3, 0.97 for 32 filters: near He's own, but there
#    is no number that fits all.
# 2. A little, on our machine: +0.16, +0.61 and +0.76 dB after 25, 50 and 75 updates instead of +0.49, +0.77 and
#    +0.83; it catches up. With supervision and skip the start matters less (lesson 7).
# 3. Nearly all of it: +0.77 dB, where DRCN has +0.86.
#
# </details>
