"""Train the emitted module `rnnlm` as a character model of English, on the text of Python's help.

    python examples/char_model.py build/rnnlm.py --seconds 60 --hidden 128 --seed 0

The state is handed from chunk to chunk. A chunk's gradient is the mean over its characters, clipped
in norm, then Adam; the rate falls to zero with the time budget, which a slower machine keeps too.
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
from rich.progress import Progress

CHUNK, RATE, CLIP = 50, 3e-3, 1.0
HELD_OUT, RARE, OTHER = 0.1, 20, "\N{REPLACEMENT CHARACTER}"
ROWS, SAMPLE, TEMPERATURE, GOAL = 8, 600, 0.7, 0.8


def read_text():
    """The topics in order, each paragraph once: what is held out is no copy of what is learnt."""
    topics = pydoc_data.topics.topics
    paragraphs = (p.strip("\n") for name in sorted(topics) for p in topics[name].split("\n\n"))
    return "\n\n".join(dict.fromkeys(paragraphs))


def encode(text, rare):
    """Return (indices, letters); characters seen fewer than `rare` times become one, the last."""
    letters = [*sorted(c for c, n in Counter(text).items() if n >= rare), OTHER]
    index = {c: i for i, c in enumerate(letters)}
    return np.array([index.get(c, len(letters) - 1) for c in text]), letters


def unigram_entropy(indices):
    """−Σ p ln p over the frequencies of the values, in nats: the least loss without a memory."""
    p = np.bincount(indices) / len(indices)
    return -float(np.sum(p[p > 0] * np.log(p[p > 0])))


def clip(gradient, limit):
    """Scale a flat gradient, in place, to a norm of at most `limit`."""
    norm = math.sqrt(gradient.dot(gradient))
    if norm > limit:
        gradient *= limit / norm


class Adam:
    """m ← β₁ m + (1−β₁) g,  v ← β₂ v + (1−β₂) g²,  θ ← θ − rate m̂ / (√v̂ + ε), in place.

    Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
    """

    def __init__(self, size, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.m, self.v, self.work = np.zeros((3, size), np.float32)
        self.beta1, self.beta2, self.epsilon, self.t = beta1, beta2, epsilon, 0

    def step(self, theta, g, rate):
        """Move theta by the t-th step."""
        self.t += 1
        self.m *= self.beta1
        self.m += np.multiply(g, 1 - self.beta1, out=self.work)
        self.v *= self.beta2
        np.multiply(g, g, out=self.work)
        self.v += np.multiply(self.work, 1 - self.beta2, out=self.work)
        np.sqrt(self.v, out=self.work)
        self.work /= math.sqrt(1 - self.beta2**self.t)
        self.work += self.epsilon
        np.divide(self.m, self.work, out=self.work)
        self.work *= rate / (1 - self.beta1**self.t)
        theta -= self.work


class Trainer:
    """The emitted module at work on one text, in buffers that are made once."""

    def __init__(self, module, text, vocabulary, hidden, rng):
        self.module, self.text, self.position, self.state = module, text, 0, None
        self.workspace, self.held_workspace = {}, {}
        shapes = {"U": (hidden, vocabulary), "V": (vocabulary, hidden), "W": (hidden, hidden)}
        self.theta, self.gradient = np.zeros((2, sum(map(math.prod, shapes.values()))), np.float32)
        self.params, self.grads = _views(self.theta, shapes), _views(self.gradient, shapes)
        for name, scale in {"U": 0.1, "V": 0.1, "W": 0.5 / math.sqrt(hidden)}.items():
            self.params[name][:] = scale * rng.standard_normal(shapes[name])
        self.adam = Adam(self.theta.size)

    def step(self, rate):
        """Learn from the next chunk; return its mean loss. Each pass starts from a zero state."""
        if self.position + CHUNK >= len(self.text):
            self.position, self.state = 0, None
        start, self.position = self.position, self.position + CHUNK
        x, y = self.text[start : start + CHUNK], self.text[start + 1 : start + CHUNK + 1]
        loss, grads, self.state = self.module.loss_and_grad(
            self.params, x, y, self.state, workspace=self.workspace
        )
        for name, mean in self.grads.items():
            np.divide(grads[name], CHUNK, out=mean)
        clip(self.gradient, CLIP)
        self.adam.step(self.theta, self.gradient, rate)
        return float(loss) / CHUNK

    def loss_on(self, text):
        """The mean loss per character of another text, read in one go from a zero state."""
        x, y = text[:-1], text[1:]
        loss, _, _ = self.module.loss_and_grad(self.params, x, y, workspace=self.held_workspace)
        return float(loss) / len(y)

    def sample(self, length, first, rng):
        """Indices drawn one by one from softmax(z / TEMPERATURE), from the index `first` on."""
        drawn, state = [first], None
        for _ in range(length):
            outputs, state = self.module.forward(self.params, np.array(drawn[-1:]), state)
            z = outputs["z"][0].astype(float)
            p = np.exp((z - z.max()) / TEMPERATURE)
            drawn.append(int(rng.choice(p.size, p=p / p.sum())))
        return drawn[1:]


def _views(flat, shapes):
    """One array for each shape, in turn, on the memory of one vector."""
    parts = np.split(flat, np.cumsum([math.prod(shape) for shape in shapes.values()])[:-1])
    return {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}


def train(trainer, held, seconds):
    """Yield (seconds, characters, training loss, held-out loss) at the start and ROWS times on."""
    held_loss = trainer.loss_on(held)
    yield 0.0, 0, math.nan, held_loss
    start, due, characters, losses = time.perf_counter(), 1, 0, []
    with progress(seconds) as show:
        while due <= ROWS:
            elapsed = time.perf_counter() - start
            done = min(elapsed / seconds, 1.0)
            if losses and done * ROWS >= due:
                held_loss = trainer.loss_on(held)
                yield elapsed, characters, sum(losses) / len(losses), held_loss
                due, losses = math.floor(done * ROWS) + 1, []
            warm, cosine = min(1.0, 50 * done), (1 + math.cos(math.pi * done)) / 2
            losses.append(trainer.step(RATE * warm * cosine))
            characters += CHUNK
            show(elapsed, f"{characters:,} characters, held-out loss {held_loss:.3f}")


@contextmanager
def progress(seconds):
    """Give show(elapsed, message): a bar on a terminal, else a line every ten seconds."""
    console, last = Console(stderr=True), 0.0
    live, both = console.is_terminal, sys.stdout.isatty()
    bar = Progress(console=console, redirect_stdout=both, transient=True, disable=not live)
    task = bar.add_task("", total=seconds)

    def show(elapsed, message):
        nonlocal last
        if elapsed - last >= (0.1 if live else 10):
            last = elapsed
            bar.update(task, completed=elapsed, description=message)
            if not live:
                print(f"{elapsed:.0f} of {seconds:g} s: {message}", file=sys.stderr, flush=True)

    with bar:
        yield show


def load(path):
    """The emitted module at a path. ValueError: what stands in the way."""
    if not path.is_file():
        raise ValueError(f"no such file: {path}; write it with: symbptt generate rnnlm -o {path}")
    spec = importlib.util.spec_from_file_location("rnnlm", path)
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.loss_and_grad, module.forward
    except Exception as error:
        raise ValueError(f"{path} is not an emitted module: {error}") from error
    return module
