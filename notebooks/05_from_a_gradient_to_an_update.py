# %% [markdown]
# # 5. From a gradient to an update
#
# **You will learn** what training does with a gradient: batches, updates and the learning rate, and three rules, each
# in a few lines, from plain SGD by way of momentum to Adam. **Time:** eight minutes. **You need:** lesson 3.
#
# Lessons 3 and 4 compute a gradient: for every parameter, how fast the loss grows when this parameter grows. So to make
# the loss smaller, move every parameter a little *against* its gradient:
#
# $$w \leftarrow w - \mathrm{rate} \cdot \frac{dL}{dw}$$
#
# This is *gradient descent*. One such step is an *update*, and the factor is the *learning rate*. How large should it
# be? Try it on a loss of two weights only, $L = \frac12 (a^2 + 25\, b^2)$, a valley that is 25 times as steep across as
# along:

# %%
import numpy as np

from minidrcn import plots


def valley(a, b):
    return 0.5 * (a**2 + 25 * b**2)


def slope(w):
    return w * [1, 25]  # the gradient of the valley at w = (a, b)


def sgd(w, g, state, lr, t):  # it needs neither state nor t, but all rules take the same arguments
    return w - lr * g, state


def track(rule, lr, steps=30, state=0.0):
    """The points that a rule visits in the valley from (4, 1) on."""
    ways = [np.array([4.0, 1.0])]
    for t in range(1, steps + 1):
        w, state = rule(ways[-1], slope(ways[-1]), state, lr, t)
        ways.append(w)
    return np.array(ways)


rates = {f"rate {lr:g}": track(sgd, lr) for lr in (0.005, 0.03, 0.079)}
plots.paths(valley, rates, "Gradient descent with three rates: creeping, straight, and zigzag across the valley.")

# %%
too_large = track(sgd, 0.081)
print(f"rate 0.081: the loss goes from {valley(*too_large[0]):.1f} to {valley(*too_large[-1]):.1f}")
assert valley(*too_large[-1]) > valley(*rates["rate 0.079"][-1])
assert abs(too_large[-1][1]) > 1 > abs(rates["rate 0.079"][-1][1])
print("rate 0.079 still comes down across the valley, rate 0.081 climbs out of it")

# %% [markdown]
# Each update multiplies $b$ by $1 - 25 \cdot \mathrm{rate}$. Above a rate of $2 / 25 = 0.08$ that is below $-1$:
# every step lands higher on the other side, and the loss explodes. So the *steepest* direction sets the limit for the
# rate, and along the flat one, $a$ is multiplied by $1 - \mathrm{rate}$, it can only creep. With millions of
# parameters some directions are steep and most are flat, and this is *the* difficulty of training. The two rules
# below attack it.
#
# Move the rate, here $0.005\, k$, and watch where it starts to zigzag and where it leaves:

# %%
plots.slider(lambda k: plots.paths(valley, {f"rate {0.005 * k:g}": track(sgd, 0.005 * k)}), k=(1, 17))

# %% [markdown]
# ## Momentum
#
# Let the weights roll like a ball, with a velocity $v$. Each update keeps nine tenths of it and adds the new push. What
# changes sign from step to step (across the valley) cancels, what stays the same (along the valley) adds up, to ten
# times a single step in the end, since $1 + 0.9 + 0.9^2 + \ldots = 10$:


# %%
def momentum(w, g, v, lr, t):
    v = 0.9 * v - lr * g
    return w + v, v


# %% [markdown]
# ## Adam
#
# Steep directions have large gradients, flat ones small gradients. So divide each parameter's gradient by its usual
# size! Adam keeps two running means for every parameter: of the gradient, $m$ (its momentum), and of the gradient's
# square, $s$. Both start at zero, so at first they are too small; dividing by $1 - 0.9^t$ and $1 - 0.999^t$ makes up
# for that. (The $10^{-8}$ keeps a parameter without any gradient from a division by zero.)


# %%
def adam(w, g, state, lr, t):
    m, s = state or (0, 0)  # nothing at first
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
    mean, mean_square = m / (1 - 0.9**t), s / (1 - 0.999**t)
    return w - lr * mean / (np.sqrt(mean_square) + 1e-8), (m, s)


ways = {
    "SGD, rate 0.03": track(sgd, 0.03),
    "momentum, rate 0.03": track(momentum, 0.03),
    "Adam, rate 0.3": track(adam, 0.3),
}
plots.paths(
    valley,
    ways,
    "SGD drops into the valley and creeps along it. Momentum overshoots and swings to the minimum. "
    "Adam goes diagonally, equally far in both directions.",
)

# %%
first_step = ways["Adam, rate 0.3"][1] - ways["Adam, rate 0.3"][0]
print("Adam's first step:", first_step, "though one gradient is", slope(np.array([4.0, 1.0])))
assert np.allclose(first_step, -0.3)
assert valley(*ways["momentum, rate 0.03"][-1]) < valley(*ways["SGD, rate 0.03"][-1])
print("its rate is how far the first step goes in each weight, whatever the size of the gradient")

# %% [markdown]
# That has two consequences. Adam is easy to use: a rate of about 0.001 is a good first try for most networks. And at
# the end its steps do not shrink with the gradient, so the rate has to fall for it to arrive (lesson 9).
#
# ## A real case: 26 parameters
#
# Train the smallest super-resolution network there is: one 5 x 5 convolution with a single filter, 25 weights and a
# bias. Its input $x$ is a photograph enlarged by bicubic interpolation, its target $y$ the original.
#
# A photograph has too many pixels to go through all of them for every update. So take a *batch*: a few *patches*, small
# squares cut out at random. Their gradient is that of the whole data on average, with some noise; this is what
# *stochastic* means in SGD, stochastic gradient descent. The noise falls with the size of the batch. (The *cosine* of
# the angle between two gradients: 1 if they point in the same direction, 0 if they have nothing to do with each other.)

# %%
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import draw_batch, load_pair
from minidrcn.ops import conv

pairs = [load_pair(path, 2, 25) for path in image_paths("photos")]
start = np.zeros(26)
start[12] = 1  # a kernel that is 1 in the middle: the network begins as bicubic interpolation


def loss_and_gradient(p, x, y):
    """Half the squared error, summed over the pixels of a patch, mean over the batch; and its 26 derivatives."""
    prediction, cache = conv.conv2d_forward(x, p[:25].reshape(5, 5, 1, 1), p[25:])
    error = prediction - y
    _, dw, db = conv.conv2d_backward(error / len(x), cache)
    return 0.5 * (error**2).sum() / len(x), np.append(dw.ravel(), db)


def batch_of(size, seed):
    return (array.astype(float) for array in draw_batch(pairs, size, 25, np.random.default_rng(seed)))


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


_, exact = loss_and_gradient(start, *batch_of(1000, 0))
similar = {}
for size in (1, 4, 16, 64):
    similar[size] = np.mean(
        [cosine(loss_and_gradient(start, *batch_of(size, seed))[1], exact) for seed in range(1, 33)]
    )
plots.bars(
    {f"{size} patch{'es' * (size > 1)}": value for size, value in similar.items()},
    "cosine with the gradient of 1000 patches",
    ".2f",
)

# %%
assert similar[1] < similar[16] < similar[64]
print(f"one patch points in a rough direction ({similar[1]:.2f}), 64 nearly in the right one ({similar[64]:.2f})")

# %% [markdown]
# Now train it with each rule, 16 patches a batch, the same patches for all. With so few parameters the best possible
# answer can be computed as well (*least squares*), so we know how far there is to go.

# %%
x, y = batch_of(300, 0)
design = np.hstack([conv.im2col(x, 5), np.ones((x.size, 1))])  # a row for each pixel: its window, and 1 for the bias
best = np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
begin, _ = loss_and_gradient(start, x, y)


def gain(p):
    """How much less squared error than bicubic interpolation, in decibels (lesson 1)."""
    return 10 * np.log10(begin / loss_and_gradient(p, x, y)[0])


curves, steps = {}, range(0, 301, 25)
for name, rule, lr in (("SGD", sgd, 0.0004), ("momentum", momentum, 0.0004), ("Adam", adam, 0.005)):
    p, state, gains = start, 0.0, [0.0]
    for t in range(1, 301):
        _, g = loss_and_gradient(p, *batch_of(16, t))
        p, state = rule(p, g, state, lr, t)
        if t in steps:
            gains.append(gain(p))
    curves[name] = steps, gains
    print(f"{name:8} {gains[-1]:+.3f} dB against bicubic after 300 updates, best possible {gain(best):+.3f} dB")
plots.lines(curves | {"best possible": (steps, [gain(best)] * len(steps))}, "update", "dB above bicubic")

# %%
curvature = np.linalg.eigvalsh(design.T @ design / len(x))
print(f"the steepest direction is {curvature[-1] / curvature[0]:,.0f} times as steep as the flattest")
print(f"so SGD's rate must stay below 2 / {curvature[-1]:.0f} = {2 / curvature[-1]:.5f}")
assert gain(best) > curves["Adam"][1][-1] > curves["SGD"][1][-1]
assert curves["momentum"][1][-1] > curves["SGD"][1][-1]

# %% [markdown]
# The valley again, a much longer one: neighbouring pixels are nearly equal, so to raise one weight and lower its
# neighbour changes hardly anything, while raising all of them makes the picture brighter at once. SGD does next to
# nothing along the flat directions; momentum and Adam come more than twice as far. Adam falls back at first, because
# its first steps have full length whatever the gradient: they move every weight by about the rate, most of them the
# same way, so the picture's brightness overshoots. (So lesson 9 begins with a small rate, a *warm-up*.) And no 5 x 5
# kernel does better than the line at the top, which is why there are deep networks. For those nobody can compute the
# best answer, and the rules are all there is.
#
# DRCN's authors used SGD with momentum 0.9, and divided the rate by ten whenever progress stopped. This project
# trains with Adam unless told otherwise. *Weight decay* (lesson 0) fits into each rule by one addition to the
# gradient: $g + c\,w$ is the gradient of $L + \frac{c}{2} w^2$, so $c = 2 \beta$ in lesson 0's formula.
#
# ## Now you
#
# Nesterov's momentum, which the authors' code uses, looks one step ahead: with the *new* velocity $v$, move by
# $0.9\, v - \mathrm{rate} \cdot g$ instead of by $v$. Write it.


# %%
def nesterov(w, g, v, lr, t):
    raise NotImplementedError  # your code here: two lines


# %%
from minidrcn.training.optim import SGD


def check(rule, package):
    rng = np.random.default_rng(5)
    w, g, v = rng.normal(size=(3, 4))
    try:
        answer = rule(w, g, v, 0.1, 1)
    except NotImplementedError:
        return "not written yet"
    new, state = package.step({"w": w}, {"w": g}, {"v": {"w": v}}, 0.1, 1)
    right = np.allclose(answer[0], new["w"]), np.allclose(answer[1], state["v"]["w"])
    return f"new weights {'right' if right[0] else 'wrong'}, new velocity {'right' if right[1] else 'wrong'}"


print(check(nesterov, SGD(momentum=0.9, weight_decay=0, nesterov=True)))
assert check(momentum, SGD(momentum=0.9, weight_decay=0)) == "new weights right, new velocity right"

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def nesterov(w, g, v, lr, t):
#     v = 0.9 * v - lr * g
#     return w + 0.9 * v - lr * g, v
# ```
#
# </details>
#
# ## To try
#
# 1. Let `momentum` keep 0.99 of the velocity. What do the paths look like? How many steps does a push last?
# 2. Train the 26 parameters with SGD at a rate 1.5 times the limit that was printed above. After how many updates do
#    you notice?
# 3. Which of the three rules needs how much memory for a network of P parameters?
#
# <details><summary>Answers</summary>
#
# 1. It swings to and fro and has not come to rest after 30 steps: a push lasts about $1 / (1 - 0.99) = 100$ steps.
# 2. Along the steepest direction each update multiplies the distance by $1 - 1.5 \cdot 2 = -2$, so it is 1000 times as
#    far away after ten.
# 3. Besides the weights and their gradient: SGD nothing, momentum P numbers, Adam 2 P.
#
# </details>
