"""Train the emitted module `rnnlm` as a character model of English, on the text of Python's help.

    python examples/char_model.py build/rnnlm.py --seconds 60 --hidden 128 --seed 0

The state is handed from chunk to chunk; a chunk's gradient is the mean over its characters, clipped
in norm, then Adam. The rate falls to zero with the time budget, so a slower machine ends as calmly.
Results go to stdout, progress to stderr. Exit status 1: not well below the unigram entropy.

    unigram entropy = −Σ_c p(c) ln p(c)        loss = −mean_t ln ŷ_t[y_t]        in nats
"""

import argparse
import importlib.util
import math
import os
import pydoc_data.topics
import sys
import textwrap
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

# One thread: products of this size gain nothing from a second, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

CHUNK, RATE, CLIP = 50, 3e-3, 1.0
HELD_OUT, RARE, UNKNOWN = 0.1, 20, "\N{REPLACEMENT CHARACTER}"
ROWS, SAMPLE, TEMPERATURE, GOAL = 8, 600, 0.7, 0.8


def read_text():
    """The topics in order, each paragraph once: what is held out is no copy of what is learnt."""
    topics = pydoc_data.topics.topics
    paragraphs = (p.strip("\n") for name in sorted(topics) for p in topics[name].split("\n\n"))
    return "\n\n".join(dict.fromkeys(paragraphs))


def encode(text, rare):
    """Return (indices, letters); characters seen fewer than `rare` times become one, the last."""
    letters = sorted(c for c, n in Counter(text).items() if n >= rare and c != UNKNOWN)
    letters.append(UNKNOWN)
    index = {c: i for i, c in enumerate(letters)}
    return np.array([index.get(c, len(letters) - 1) for c in text], np.intp), letters


def unigram_entropy(indices):
    """−Σ p ln p over the frequencies of the values, in nats: the best loss without a memory."""
    p = np.bincount(indices) / len(indices)
    return -float(np.sum(p[p > 0] * np.log(p[p > 0])))


def clip(gradient, limit):
    """Scale a flat gradient in place to a norm of at most `limit`; return the norm it had."""
    norm = math.sqrt(gradient.dot(gradient))
    if norm > limit:
        gradient *= limit / norm
    return norm


class Adam:
    """m ← m + (1−β₁)(g − m),  v ← v + (1−β₂)(g² − v),  θ ← θ − rate m̂ / (√v̂ + ε), in place.

    Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
    """

    def __init__(self, size, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.m, self.v, self.work = np.zeros((3, size), np.float32)
        self.beta1, self.beta2, self.epsilon, self.t = beta1, beta2, epsilon, 0

    def step(self, theta, g, rate):
        m, v, work = self.m, self.v, self.work
        self.t += 1
        for average, beta in ((m, self.beta1), (v, self.beta2)):
            np.multiply(g, g, out=work) if average is v else np.copyto(work, g)
            work -= average
            work *= 1 - beta
            average += work
        np.multiply(v, 1 / (1 - self.beta2**self.t), out=work)
        np.sqrt(work, out=work)
        work += self.epsilon
        np.divide(m, work, out=work)
        work *= rate / (1 - self.beta1**self.t)
        theta -= work


class Trainer:
    """The emitted module on one text: `step` learns from the next chunk, in buffers made once."""

    def __init__(self, module, text, vocabulary, hidden, rng):
        self.module, self.text, self.position = module, text, 0
        self.state, self.workspace, self.held_workspace = None, {}, {}
        shapes = {"U": (hidden, vocabulary), "V": (vocabulary, hidden), "W": (hidden, hidden)}
        self.theta, self.gradient = np.zeros((2, sum(map(math.prod, shapes.values()))), np.float32)
        self.params, self.grads = _views(self.theta, shapes), _views(self.gradient, shapes)
        for name, scale in (("U", 0.1), ("V", 0.1), ("W", 0.5 / math.sqrt(hidden))):
            self.params[name][:] = scale * rng.standard_normal(shapes[name])
        self.adam = Adam(self.theta.size)

    def step(self, rate):
        """Learn from one chunk; return its mean loss. The state starts again with each pass."""
        if self.position + CHUNK >= len(self.text):
            self.position, self.state = 0, None
        at, self.position = self.position, self.position + CHUNK
        x, y = self.text[at : at + CHUNK], self.text[at + 1 : at + CHUNK + 1]
        loss, grads, self.state = self.module.loss_and_grad(
            self.params, x, y, self.state, workspace=self.workspace
        )
        for name, total in self.grads.items():
            np.divide(grads[name], CHUNK, out=total)
        clip(self.gradient, CLIP)
        self.adam.step(self.theta, self.gradient, rate)
        return float(loss) / CHUNK

    def loss_on(self, text):
        """The mean loss per character of another text, read from end to end from a zero state."""
        loss, _, _ = self.module.loss_and_grad(
            self.params, text[:-1], text[1:], workspace=self.held_workspace
        )
        return float(loss) / (len(text) - 1)

    def sample(self, length, temperature, first, rng):
        """Indices drawn one by one from softmax(z / temperature), from the index `first` on."""
        drawn, state = [first], None
        for _ in range(length):
            outputs, state = self.module.forward(self.params, np.array(drawn[-1:]), state)
            (z,) = outputs.values()
            p = np.exp((z[0] - z.max()).astype(float) / temperature)
            drawn.append(int(rng.choice(p.size, p=p / p.sum())))
        return drawn[1:]


def _views(flat, shapes):
    """One array for each shape, in turn, on the memory of one vector."""
    ends = np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1]
    parts = np.split(flat, ends)
    return {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}


def train(trainer, held, seconds):
    """Yield (seconds, characters, training loss, held-out loss) at the start and ROWS times on."""
    held_loss = trainer.loss_on(held)
    yield 0.0, 0, math.nan, held_loss
    start, due, characters, losses, steps = time.perf_counter(), 1, 0, 0.0, 0
    with progress(seconds) as show:
        while due <= ROWS:
            elapsed = time.perf_counter() - start
            done = min(elapsed / seconds, 1.0)
            if steps and done * ROWS >= due:
                held_loss = trainer.loss_on(held)
                yield elapsed, characters, losses / steps, held_loss
                due, losses, steps = math.floor(done * ROWS) + 1, 0.0, 0
                continue
            warm, cosine = min(1.0, 50 * done), (1 + math.cos(math.pi * done)) / 2
            losses += trainer.step(RATE * warm * cosine)
            steps, characters = steps + 1, characters + CHUNK
            show(elapsed, characters, held_loss)


@contextmanager
def progress(seconds):
    """Give show(elapsed, characters, loss): a bar on a terminal, else a line every ten seconds."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("training"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
        disable=not console.is_terminal,
    )
    task, last = bar.add_task("", total=seconds), 0.0

    def show(elapsed, characters, loss):
        nonlocal last
        if elapsed - last < (0.1 if console.is_terminal else 10):
            return
        last, line = elapsed, f"{characters:,} characters, held-out loss {loss:.3f}"
        bar.update(task, completed=elapsed, description=line)
        if not console.is_terminal:
            print(f"{elapsed:.0f} of {seconds:g} s: {line}", file=sys.stderr, flush=True)

    with bar:
        yield show
