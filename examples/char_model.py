"""Train the emitted module `rnnlm` as a character model of English, on the text of Python's help.

    python examples/char_model.py build/rnnlm.py --seconds 60 --hidden 128 --seed 0

The state is handed from chunk to chunk. A chunk's gradient, the sum over its characters, is clipped
in norm, then RMSProp; the rate falls to zero with the time budget, which a slow machine keeps too.
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
from pathlib import Path

# One thread: products of this size gain nothing from a second, and lose much on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from rich.console import Console
from rich.progress import Progress

CHUNK, RATE, CLIP = 50, 2e-3, 50.0
HELD_OUT, RARE, OTHER = 0.1, 20, "\N{REPLACEMENT CHARACTER}"
ROWS, SAMPLE, TEMPERATURE, GOAL = 6, 600, 0.7, 0.8
LN2 = math.log(2)


def load(path):
    """loss_and_grad and forward of the emitted module at a path; ValueError if there are none."""
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"no Python file {path}; write one: symbptt generate rnnlm -o rnnlm.py")
    try:
        spec = importlib.util.spec_from_file_location("rnnlm", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.loss_and_grad, module.forward
    except Exception as error:
        raise ValueError(f"{path} is not an emitted module: {error}") from error


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


def clip(gradients, limit):
    """Scale a list of arrays, in place and alike, to a common norm of at most `limit`."""
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
    if norm > limit:
        for g in gradients:
            g *= limit / norm


def rmsprop(theta, g, v, work, rate):
    """v ← ρ v + (1−ρ) g²,  θ ← θ − rate g / (√v + 10⁻⁸), with ρ = 0.999, in place."""
    v *= 0.999
    np.multiply(g, g, out=work)
    work *= 0.001
    v += work
    np.sqrt(v, out=work)
    work += 1e-8
    np.divide(g, work, out=work)
    work *= rate
    theta -= work


class Trainer:
    """The emitted module at work on one text, in buffers that are made once."""

    def __init__(self, functions, text, vocabulary, hidden, rng):
        self.loss_and_grad, self.forward = functions
        self.text, self.position, self.state = text, 0, None
        self.workspace, self.held_workspace = {}, {}
        self.params = {
            "U": 0.1 * rng.standard_normal((hidden, vocabulary), np.float32),
            "V": 0.1 * rng.standard_normal((vocabulary, hidden), np.float32),
            "W": 0.5 / math.sqrt(hidden) * rng.standard_normal((hidden, hidden), np.float32),
        }
        self.buffers = {k: np.zeros((2, *p.shape), p.dtype) for k, p in self.params.items()}

    def step(self, rate):
        """Learn from the next chunk; each pass over the text starts from a zero state."""
        if self.position + CHUNK >= len(self.text):
            self.position, self.state = 0, None
        start, self.position = self.position, self.position + CHUNK
        x, y = self.text[start : start + CHUNK], self.text[start + 1 : start + CHUNK + 1]
        given = self.params, x, y, self.state
        _, grads, self.state = self.loss_and_grad(*given, workspace=self.workspace)
        clip([grads[name] for name in self.params], CLIP)
        for name, theta in self.params.items():
            rmsprop(theta, grads[name], *self.buffers[name], rate)

    def loss_on(self, text):
        """The mean loss per character of another text, read in one go from a zero state."""
        x, y = text[:-1], text[1:]
        loss, _, _ = self.loss_and_grad(self.params, x, y, workspace=self.held_workspace)
        return float(loss) / len(y)

    def sample(self, length, first, rng):
        """Indices drawn one by one from softmax(z / TEMPERATURE), after the index `first`."""
        drawn, state = [first], None
        for _ in range(length):
            outputs, state = self.forward(self.params, np.array(drawn[-1:]), state)
            z = outputs["z"][0].astype(float)
            p = np.exp((z - z.max()) / TEMPERATURE)
            drawn.append(int(rng.choice(p.size, p=p / p.sum())))
        return drawn[1:]


def train(trainer, held, seconds):
    """Yield (seconds of training, characters, held-out loss): at the start, then ROWS times."""
    yield 0.0, 0, trainer.loss_on(held)
    console = Console(stderr=True)
    live, both = console.is_terminal, sys.stdout.isatty()
    start, due, characters = time.perf_counter(), 1, 0
    with Progress(console=console, redirect_stdout=both, transient=True, disable=not live) as bar:
        task = bar.add_task("training", total=seconds)
        while due <= ROWS:
            elapsed = time.perf_counter() - start
            done = min(elapsed / seconds, 1.0)
            if characters and done * ROWS >= due:
                yield elapsed, characters, trainer.loss_on(held)
                start, due = time.perf_counter() - elapsed, math.floor(done * ROWS) + 1
                if not live:
                    print(f"training: {100 * done:.0f} %", file=sys.stderr, flush=True)
                continue
            warm, cosine = min(1.0, 50 * done), (1 + math.cos(math.pi * done)) / 2
            trainer.step(RATE * warm * cosine)
            characters += CHUNK
            bar.update(task, completed=elapsed)


def arguments():
    """Return (parser, arguments); it ends with a message and status 2 when they do not fit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", type=Path, help="the file that symbptt generate rnnlm wrote")
    parser.add_argument("--seconds", type=float, default=60.0, help="time to train for")
    parser.add_argument("--hidden", type=int, default=128, help="size of the state")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if not (0 < args.seconds < math.inf and 1 <= args.hidden <= 1024 and args.seed >= 0):
        parser.error("write --seconds above 0, --hidden in 1..1024 and --seed of 0 or more")
    return parser, args


def main():
    """Train, print what came of it, return the exit status."""
    sys.stdout.reconfigure(errors="replace")
    parser, args = arguments()
    text, letters = encode(read_text(), RARE)
    learnt, held = np.split(text, [round(len(text) * (1 - HELD_OUT))])
    entropy, rng = unigram_entropy(text), np.random.default_rng(args.seed)
    try:
        trainer = Trainer(load(args.module), learnt, len(letters), args.hidden, rng)
        trainer.loss_on(held[:2])  # a module of another model objects here
    except ValueError as error:
        parser.error(str(error))
    print(f"text: {len(text):,} characters of pydoc_data.topics, {len(held):,} of them held out")
    print(f"vocabulary: {len(letters)} characters, the rare ones folded into {OTHER}")
    print(f"unigram entropy: {entropy:.3f} nats, {entropy / LN2:.3f} bits per character\n")
    print("seconds  characters  held-out loss  bits  of entropy", flush=True)
    for seconds, characters, loss in train(trainer, held, args.seconds):
        ratio, row = loss / entropy, f"{seconds:7.1f}{characters:12,}{loss:15.3f}"
        print(f"{row}{loss / LN2:6.2f}{ratio:12.3f}", flush=True)
    print(f"\n{characters / seconds:,.0f} characters per second\n\na sample of what it writes:\n")
    sample = "".join(letters[i] for i in trainer.sample(SAMPLE, letters.index("\n"), rng))
    print(textwrap.indent(sample.strip("\n"), "    "))
    verdict = f"ratio {ratio:.3f}, {'' if ratio < GOAL else 'not '}below {GOAL}"
    print(f"\nheld-out loss {loss:.3f}, unigram entropy {entropy:.3f} nats: {verdict}")
    return 0 if ratio < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
