"""The emitted code against its peers: loss and every gradient, timed in one run.

    python -m benchmarks.bench elman_batch                     generated/elman_batch.py, every shape
    python -m benchmarks.bench elman_batch --module FILE.py    another module with the same contract
    python -m benchmarks.bench elman_batch --shape 100,32,64,256,64 --json

What is timed is `loss_and_grad(params, x, y, state, workspace=...)` in float32: the loss and the
gradient of every parameter, the initial state and the input. Beside it run, on the same arrays,

- `torch`       nn.RNN, a Linear readout, CrossEntropyLoss, torch.autograd.grad
- `jax`         jit of value_and_grad over lax.scan, waited for with block_until_ready
- `autograd`    HIPS autograd over a Python loop
- `gemm limit`  the same matrix products in the same loops with NumPy, and nothing else

A peer's loss and gradients are compared with ours before anything is timed, and a disagreement
ends the run. A ratio above 1 means the emitted code is faster; a fraction of the GEMM limit of 1
would mean that everything but the matrix products is free.

Each shape is measured in a process of its own, which holds every library to the same number of
threads (see `child`), in rounds that rotate the order and pause before each turn (see `timing`).

    timing.py     interleaved timing of callables; medians and quartiles
    problems.py   per model: the shapes, and random arrays of a shape
    peers.py      per model: the peers, each a builder of a zero-argument callable
    contract.py   what a peer is
    gated.py      the peers of LSTM and GRU
    memory.py     peak memory of one call, a process each
    child.py      one shape, measured; a process with a fixed number of threads
    bench.py      every shape, as rows; the table and the command line
    strategies.py every strategy against the full gradient: time and peak memory

A new model is one entry in `problems.PROBLEMS` and one in `peers.PEERS`.
"""
