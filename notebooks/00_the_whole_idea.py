# %% [markdown]
# # 0. The whole idea
#
# **You will learn** what super-resolution is, what DRCN, the network of this course, consists of, why it uses one
# convolution again and again, what makes that hard to train, and which two ideas make it possible. **Time:** nine
# minutes. **You need:** Python and the chain rule. Everything else is explained, here or in the lesson that is named.
#
# ## Super-resolution
#
# A photograph is too small, and you want it larger: that is *super-resolution*. The usual way, *bicubic interpolation*,
# lays a smooth curve through the known pixels, so the result is blurred. A network can do better because it has seen
# many small photographs together with their large originals. Here is one that it has not seen, shrunk to a third and
# enlarged again:

# %%
import numpy as np

from minidrcn import DRCN, load, plots
from minidrcn.data.datasets import image_paths
from minidrcn.imaging.protocol import load_sample, measure

_, coins = image_paths("photos", held_out=True)
sample = load_sample(coins, 3)  # x: shrunk and enlarged by bicubic interpolation; target: the original, 0 to 255
final, ys = load("x3").predict(sample.x[None, :, :, None])  # it takes many pictures of many channels: here 1 and 1
sharpened, original = final[0, :, :, 0], sample.target / 255
crop = plots.most_improved(sample.x, sharpened, original)
plots.photographs(
    {"bicubic": sample.x[crop], "network": sharpened[crop], "original": original[crop]},
    alt="an ancient coin: blurred by bicubic interpolation, with sharp edges by the network, and as it was",
)

# %%
before, after = measure(sample.x, sample).psnr, measure(sharpened, sample).psnr
print(f"bicubic interpolation: {before:.2f} dB, the network: {after:.2f} dB (whole photograph)")
assert after > before + 1
print(f"the network is {after - before:.2f} dB better, and the fine scratches are still lost: nobody can know them")

# %% [markdown]
# The decibels measure how close a picture is to the original; more is better, and lesson 1 explains them.
#
# ## The network
#
# DRCN stands for *deeply-recursive convolutional network* ([Kim, Lee and Lee, 2016](https://arxiv.org/abs/1511.04491)).
# Its only building block is the *convolution*: every output pixel is a weighted sum of the 3 x 3 pixels around the same
# place (lesson 2). The weights are called a *kernel*. Mostly a *ReLU* follows, which replaces what is negative by zero. What the network hands on from one convolution to the next
# is called a *hidden map*. A map is a stack of pictures, its *channels*, each made by a kernel of its own, a
# *filter*: the paper's maps have 256.
#
# ![DRCN unrolled. Forward: the input x goes through two embedding convolutions to the map h_0; one shared kernel,
# recursion.w, leads from h_0 to h_1, h_2 and so on to h_D; from each of these the same two reconstruction convolutions
# make a prediction y_d, to which x is added; the weighted sum of the predictions is the ensemble. Backward: the
# gradient of h_d is a sum of two, and that of a shared kernel a sum of D.](images/network.svg)
#
# Look at the upper half, *Forward*; the lower half is what lessons 3 to 7 are about. The network has three parts:
#
# * **Embedding**, two convolutions: it turns the picture $x$, already enlarged by bicubic interpolation, into a map
#   $h_0$ of F channels: $h_{-1} = \mathrm{relu}(W_{-1} * x + b_{-1})$, $h_0 = \mathrm{relu}(W_0 * h_{-1} + b_0)$ (the
#   star is the convolution).
# * **Inference**, where the work is done: one convolution, applied D times, $h_d = \mathrm{relu}(W * h_{d-1} + b)$.
#   Each such use is a *recursion*. There is one kernel $W$, however large D is.
# * **Reconstruction**, two convolutions: it turns a map back into a picture, the *prediction*. The same two do this
#   after every recursion.
#
# What is learned are the kernels, the numbers $b$ that are added (*biases*), and the weights of the final sum. They are
# the network's *parameters*. How many does the paper's network have?

# %%
paper = DRCN(filters=256, recursions=16)
for name, value in paper.params.items():
    print(f"{name:15} {value.shape!s:18} {value.size:9,}")
total = sum(value.size for value in paper.params.values())
print(f"{'together':34} {total:9,}")
assert total == 1_775_121

# %% [markdown]
# ## The problem
#
# To guess what a blurred edge was, it helps to see how it goes on. How much of the picture can influence one pixel of
# the result is the *receptive field*. A 3 x 3 convolution sees one pixel in every direction, two in a row see two,
# twenty see twenty. So a network must be *deep* to see far, and there are three ways to go about it.
#
# **Way 1: many layers, each with its own kernel.** Each layer costs parameters:


# %%
def in_a_chain(layers, F=256):
    """Parameters of so many 3 x 3 convolutions in a row, each with a kernel and biases of its own."""
    first, between, last = 9 * F + F, 9 * F * F + F, 9 * F + 1
    return first + (layers - 2) * between + last


depths = (5, 10, 15, 20)  # convolutions between x and the last prediction: two, D recursions, two
recursive = [sum(p.size for p in DRCN(256, depth - 4).params.values()) for depth in depths]
plots.lines(
    {
        "each layer with its own kernel": (depths, [in_a_chain(depth) / 1e6 for depth in depths]),
        "one kernel for all recursions": (depths, [count / 1e6 for count in recursive]),
    },
    "convolutions in a row",
    "million parameters",
)

# %% [markdown]
# Parameters cost memory, but worse, they invite *overfitting*: whoever has enough free numbers can learn the examples
# by heart, and then knows nothing about new ones. Ten noisy points show it. A polynomial with four parameters has to
# find the trend; with ten it can go through every point:

# %%
rng = np.random.default_rng(1)
t, fine = np.linspace(-1, 1, 10), np.linspace(-1, 1, 81)
noisy = np.sin(3 * t) + 0.2 * rng.normal(size=10)


def fitted(parameters, decay=0.0):
    """The polynomial through the noisy points that makes squared error + decay * sum of squared parameters least."""
    powers = np.vander(t, parameters)
    weights = np.linalg.solve(powers.T @ powers + decay * np.eye(parameters), powers.T @ noisy)
    return lambda at: np.vander(at, parameters) @ weights


fits = {"4 parameters": fitted(4), "10 parameters": fitted(10), "10, weight decay": fitted(10, 0.01)}
error = {}
for name, f in fits.items():
    error[name] = np.mean((f(t) - noisy) ** 2), np.mean((f(fine) - np.sin(3 * fine)) ** 2)
    print(f"{name:17} mean squared error {error[name][0]:.4f} on its examples, {error[name][1]:.4f} on what is true")
plots.lines({"examples": (t, noisy)} | {name: (fine[::2], f(fine[::2])) for name, f in fits.items()}, "t", "value")

# %%
assert error["10 parameters"][0] < error["4 parameters"][0]
assert error["10 parameters"][1] > error["10, weight decay"][1]
print("with ten parameters the examples are met best and the truth worst; weight decay brings it back")

# %% [markdown]
# *Weight decay* is the cheap remedy: add $\beta \lVert\theta\rVert^2$, a small number $\beta$ times the sum of all
# squared parameters $\theta$, to what training makes small, so that a parameter stays near zero unless the examples
# insist. DRCN's authors use it ($\beta = 10^{-4}$), and they stop when photographs kept for *validation* get no
# better: the learning rate (how far one training step goes, lesson 5) is divided by ten after five rounds without
# progress, and training ends when it is tiny. Their code also shows every example in eight ways, rotated and
# mirrored. But the main thing they do against overfitting is not to have the parameters at all.
#
# **Way 2: pooling.** Networks that say *what* is in a picture shrink their maps on the way (*pooling*: keep the largest
# or the mean of 2 x 2 pixels), so that each later convolution sees twice as far. Here this is no way out, because the
# answer has to be right for every single pixel, and pooling forgets just where in the four pixels something was:

# %%
height, width = (side // 2 * 2 for side in original.shape)
blocks = original[:height, :width].reshape(height // 2, 2, width // 2, 2)
pooled = np.repeat(np.repeat(blocks.mean(axis=(1, 3)), 2, axis=0), 2, axis=1)
lost = np.sqrt(np.mean((255 * (pooled - original[:height, :width])) ** 2))
print(f"one pooling of the original, undone by repeating each mean: wrong by {lost:.1f} grey levels of 255")
assert lost > 5

# %% [markdown]
# What pooling forgets, a later layer would have to guess again. So DRCN has none.
#
# **Way 3: use the same kernel again.** A recursion makes the network deeper, so it sees farther, and adds a single
# parameter, its weight in the final sum: the line that looks flat in the figure above. That is DRCN's idea.
#
# ## 16 recursions, 20 convolutions, 41 pixels
#
# From $x$ to the last prediction a signal passes two convolutions of the embedding, D recursions and two convolutions
# of the reconstruction, D + 4 in all. Each adds a pixel in every direction. (Lesson 4 measures it.)

# %%
for D in (1, 6, 11, 16):
    radius = D + 4
    print(f"D = {D:2}: {D + 4:2} convolutions, radius {radius:2}, receptive field {2 * radius + 1} x {2 * radius + 1}")
assert paper.architecture.radius == 20

# %% [markdown]
# With 16 recursions one pixel of the result depends on 41 x 41 pixels of the input. **The paper trains on pieces of
# just this size**, *patches*. It does not say why, but there is a reason: the pixel in a patch's middle sees all of
# it, and nothing that it could see is missing. (This project takes 43 by default, which its faster convolution
# computes in the same time.)
#
# ## Recursive supervision and the skip connection
#
# Training asks for every parameter how the error would change if it were moved a little, the *gradient*, and it
# computes this backwards, layer by layer, by the chain rule. Going back through a recursion multiplies by the same
# kernel every time. What happens to a number that is multiplied by the same factor 15 times? It *vanishes* or
# *explodes*, unless the factor is almost one:

# %%
D = 16
print("factor   from the last prediction alone   mean over the predictions of all recursions")
for factor in (0.5, 0.8, 1.0, 1.2, 1.5):
    one_path, all_paths = factor ** (D - 1), np.mean([factor ** (d - 1) for d in range(1, D + 1)])
    print(f"{factor:6}   {one_path:30.5f}   {all_paths:43.5f}")

# %% [markdown]
# The right column is the first of the two ideas. **Recursive supervision**: predict after *every* recursion and
# compare each prediction with the original. Then the gradient arrives at the first recursion along D ways, short ones
# and long ones, and their mean depends *much less on the factor* than the longest alone: from 0.00003 and 438 it
# comes to 0.125 and 82 (still large, hence the clipping of lesson 8). There is always a short way, on which nothing
# vanishes, and the long ones that explode have a weight of $1 / D$ only. A second benefit: nobody has to know
# beforehand which number of recursions is best.
#
# The second idea is the **skip connection**. Input and output are nearly the same picture. A plain network would have
# to carry the whole photograph through all recursions just to have it back in the end. So add $x$ to every prediction,
# $y_d = x + f(h_d)$, and the network only has to find the difference, the *residual*.
#
# Lesson 6 shows the illness, lesson 7 what each of the two ideas does about it.
#
# ## Loss
#
# What training makes small is one number, the *loss*: how far all D predictions, and their weighted sum $\hat y$, are
# from the original $y$, plus weight decay.
#
# $$L = \alpha \frac{1}{D} \sum_{d=1}^{D} \tfrac12 \lVert y - y_d \rVert^2
# + (1 - \alpha) \tfrac12 \lVert y - \hat y \rVert^2 + \beta \lVert\theta\rVert^2$$
#
# (and the mean over the examples.) Early in training $\alpha$ is large: all recursions must learn to predict, which
# helps the gradient. Late it is small: what counts is the final answer. Lesson 7 derives the gradient, lesson 5 what to
# do with it.
#
# ## Ensemble
#
# The final answer is a weighted sum of all predictions, an *ensemble*: $\hat y = \sum_d w_d\, y_d$, with weights $w_d$
# that are learned as well. It is better than each of its members, and lesson 10 shows why:

# %%
single = [measure(y[0, :, :, 0], sample).psnr for y in ys]
print("predictions after each recursion:", " ".join(f"{value:.2f}" for value in single), "dB")
print(f"their ensemble: {after:.2f} dB")
assert after > max(single)

# %% [markdown]
# ## Recursion versus performance, and the results
#
# Is deeper better? The paper trained four networks alike, with 1, 6, 11 and 16 recursions, and got 32.55, 33.25, 33.76
# and 33.82 dB (Set5, five photographs enlarged by three). More recursions, better pictures; beyond 16 they gained
# nothing. Lesson 10 has the same figure from networks that were trained here. And this is what the paper's authors
# measured, beside the methods of their time:

# %%
from minidrcn.imaging.protocol import published

for scale in (2, 3, 4):
    row = ", ".join(f"{method} {quality.psnr:.2f}" for method, quality in published("set5", scale).items())
    print(f"Set5 x{scale}: {row} dB")
assert published("set5", 3)["DRCN"].psnr - published("set5", 3)["Bicubic"].psnr > 3
print("DRCN is more than 3 dB better than bicubic interpolation at x3")

# %% [markdown]
# The networks that come with this project are a sixteenth of that size, and come between SRCNN and DRCN (`results.md`
# has all numbers).
#
# ## The path
#
# When you are through you will have written the backward pass of a convolution, of a recursion and of a loss with your
# own hands, checked them, trained a network with them, and looked inside it. Nothing here uses automatic
# differentiation.
#
# | lesson | minutes | exercise in it | minutes |
# |---|---|---|---|
# | [1. What bicubic interpolation loses](01_what_bicubic_loses.ipynb) | 7 | | |
# | [2. A convolution is a matrix product](02_convolution_as_a_matrix_product.ipynb) | 7 | 1 im2col, 3 convolution forward | 35 |
# | [3. The backward pass of a convolution](03_its_backward_pass.ipynb) | 9 | 2 col2im, 4 convolution backward, 5 relu | 60 |
# | [4. One weight, used D times](04_one_weight_many_times.ipynb) | 8 | 6 recursion | 25 |
# | [5. From a gradient to an update](05_from_a_gradient_to_an_update.ipynb) | 8 | Nesterov's momentum (no number) | 5 |
# | [6. Deep recursion without help](06_deep_recursion_without_help.ipynb) | 8 | | |
# | [7. Recursive supervision and the skip](07_supervision_and_skip.ipynb) | 9 | 8 loss, 7 recursive supervision; after it 10 find the bug | 90 |
# | [8. Clipping](08_clipping.ipynb) | 5 | 9 clipping | 15 |
# | [9. Train a small DRCN](09_train_a_small_drcn.ipynb) | 6 | 11 train | 40 |
# | [10. Inside the trained network](10_inside_the_trained_network.ipynb) | 8 | | |
# | [11. Faster convolution](11_faster_convolution.ipynb) | 10 | | |
# | [12. The same sum, a fourth time](12_the_same_sum_a_fourth_time.ipynb) | 9 | | |
# | [13. The GPU](13_the_gpu.ipynb) | 6 | | |
#
# Lessons 1 to 7 are the core. An exercise is a cell to fill in, *Now you*, with a check below it, and a hint and a
# solution folded away; a lesson runs to its end without it. (Exercise 10 has no such cell, only its notebook in the
# folder `exercises`.) Lessons 11 to 13 are about speed, and can wait.
#
# ## To try
#
# 1. How many recursions would a network need to see 61 x 61 pixels? How many parameters more than the paper's is that?
# 2. What would one more 3 x 3 convolution in the reconstruction do to the receptive field, and what to the number of
#    parameters, with F = 256?
# 3. Give the polynomial with 10 parameters a weight decay of 10. What goes wrong now?
#
# <details><summary>Answers</summary>
#
# 1. Radius 30, so D + 4 = 30 and D = 26. The kernels are the same; only `ensemble.w` has 10 numbers more.
# 2. One pixel more in every direction, 43 x 43 with 16 recursions, for 9 · 256 · 256 + 256 = 590,080 parameters. A
#    recursion more does the same for one parameter.
# 3. It is pulled so hard towards zero that it no longer follows the examples: *underfitting*, with a large error on
#    both.
#
# </details>
