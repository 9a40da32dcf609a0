"""The loops one writes in Python, beside `gibbsite bench rbm` and `gibbsite bench ais`: numpy, and PyTorch where it is installed.

    python3 -m venv target/peers && target/peers/bin/pip install numpy scikit-learn torch
    target/peers/bin/python benches/peers/rbm_numpy.py --threads 1 --case mnist784x500_b500_pcd10

Case names are those of `gibbsite bench`; one line a case and program: updates per second, and per CPU second, which holds
on a busy machine with one thread. `sklearn` is BernoulliRBM, which does PCD-1 in double precision.

On a GPU (wall times count): `--device cuda --programs torch,graph`. `graph` replays whole updates, or a hundred
temperatures of an annealing, as one CUDA graph, so that no kernel waits for Python.
"""
import argparse
import os
import re
import time

ap = argparse.ArgumentParser()
ap.add_argument("--case", action="append", help="repeat for several")
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--seconds", type=float, default=3.0)
ap.add_argument("--programs", default="numpy,torch,sklearn")
ap.add_argument("--device", default="cpu", help="of PyTorch: cpu or cuda")
args = ap.parse_args()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(args.threads)

import numpy as np

try:
    import torch

    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
except ImportError:
    torch = None

RATE = 0.05
CASES = ["ising64x64_b500_pcd10", "ising64x64_b1000_pcd10", "mnist784x500_b500_pcd1", "mnist784x500_b500_pcd10"]


def data(kind, rows, units, rng):
    """Rows of the same density as in the case of that name."""
    density = {"ising": 0.5, "mnist": 0.13, "dense": 0.5, "cells": 0.035}[kind]
    return (rng.random((rows, units), dtype=np.float32) < density).astype(np.float32)


class Numpy:
    def __init__(self, x, n_hidden, batch, k, persistent):
        self.rng = np.random.default_rng(1)
        self.x, self.batch, self.k, self.persistent = x, batch, k, persistent
        self.w = (0.01 * self.rng.standard_normal((x.shape[1], n_hidden))).astype(np.float32)
        mean = x.mean(0).clip(1e-3, 1 - 1e-3)
        self.b, self.c = np.log(mean / (1 - mean)).astype(np.float32), np.zeros(n_hidden, np.float32)
        self.chains = x[:batch].copy()

    def mean(self, x):
        return 1 / (1 + np.exp(-x))

    def sample(self, p):
        return (self.rng.random(p.shape, dtype=np.float32) < p).astype(np.float32)

    def step(self):
        v0 = self.x[self.rng.integers(0, len(self.x), self.batch)]
        h0 = self.mean(v0 @ self.w + self.c)
        v = self.chains if self.persistent else v0
        for _ in range(self.k):
            h = self.sample(self.mean(v @ self.w + self.c))
            v = self.sample(self.mean(h @ self.w.T + self.b))
        h = self.mean(v @ self.w + self.c)
        self.w += RATE / self.batch * (v0.T @ h0 - v.T @ h)
        self.b += RATE * (v0.mean(0) - v.mean(0))
        self.c += RATE * (h0.mean(0) - h.mean(0))
        self.chains = v


class Indices:
    """Indices on the device of the data, so that a minibatch waits for nothing."""

    def __init__(self, device):
        self.device = device

    def integers(self, low, high, count):
        return torch.randint(low, high, (count,), device=self.device)


def capture(work):
    """`work` as one CUDA graph, after some runs that allocate what it needs."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


class Torch(Numpy):
    """The same in PyTorch, with `rand_like(p) < p`, which is faster than `torch.bernoulli`."""

    def __init__(self, *a):
        super().__init__(*a)
        arrays = (self.x, self.w, self.b, self.c, self.chains)
        self.x, self.w, self.b, self.c, self.chains = (torch.from_numpy(a).to(args.device) for a in arrays)
        self.rng = Indices(args.device)

    def mean(self, x):
        return torch.sigmoid(x)

    def sample(self, p):
        return (torch.rand_like(p) < p).to(p.dtype)


class Graph(Torch):
    """The same, recorded once and replayed."""

    def __init__(self, *a):
        super().__init__(*a)

        def in_place():
            persistent = self.chains
            super(Graph, self).step()
            persistent.copy_(self.chains)
            self.chains = persistent

        self.graph = capture(in_place)

    def step(self):
        self.graph.replay()


class Sklearn:
    def __init__(self, x, n_hidden, batch, k, persistent):
        from sklearn.neural_network import BernoulliRBM

        assert k == 1 and persistent
        self.x, self.batch = x.astype(np.float64), batch
        self.rbm = BernoulliRBM(n_hidden, learning_rate=RATE, batch_size=batch, random_state=1)
        self.rbm.partial_fit(self.x[:batch])
        self.at = 0

    def step(self):
        self.at = (self.at + self.batch) % (len(self.x) - self.batch + 1)
        self.rbm.partial_fit(self.x[self.at : self.at + self.batch])


def anneal_numpy(n_visible, n_hidden, chains, betas):
    rng = np.random.default_rng(1)
    w = (0.05 * rng.standard_normal((n_visible, n_hidden))).astype(np.float32)
    b = np.full(n_visible, -2, np.float32)
    softplus = lambda x: np.logaddexp(x, np.float32(0))
    draw = lambda x: (rng.random(x.shape, dtype=np.float32) < 1 / (1 + np.exp(-x))).astype(np.float32)
    v = draw(np.broadcast_to(b, (chains, n_visible)))
    weight = np.zeros(chains)
    for b0, b1 in zip(betas, betas[1:]):
        x = v @ w
        weight += (softplus(b1 * x) - softplus(b0 * x)).sum(1, dtype=np.float64)
        v = draw(b1 * (draw(b1 * x) @ w.T) + b)
    return n_visible * np.log1p(np.exp(-2.0)) + n_hidden * np.log(2) + np.logaddexp.reduce(weight) - np.log(chains)


def anneal_torch(n_visible, n_hidden, chains, betas, as_graph=False):
    generator = torch.Generator().manual_seed(1)
    w = (0.05 * torch.randn(n_visible, n_hidden, generator=generator)).to(args.device)
    b = torch.full((n_visible,), -2.0, device=args.device)
    softplus = torch.nn.functional.softplus
    draw = lambda x: (torch.rand_like(x) < torch.sigmoid(x)).to(x.dtype)
    v = draw(b.expand(chains, n_visible).contiguous())
    weight = torch.zeros(chains, dtype=torch.float64, device=args.device)
    temperature = torch.zeros((), device=args.device)
    width = betas[1] - betas[0]

    def rung():
        b0, b1 = temperature, temperature + width
        x = v @ w
        weight.add_((softplus(b1 * x) - softplus(b0 * x)).sum(1).double())
        v.copy_(draw(b1 * (draw(b1 * x) @ w.T) + b))
        temperature.add_(width)

    if as_graph:
        begin = v.clone()
        graph = capture(rung)
        v.copy_(begin), weight.zero_(), temperature.zero_()
    for _ in betas[1:]:
        graph.replay() if as_graph else rung()
    return n_visible * np.log1p(np.exp(-2.0)) + n_hidden * np.log(2) + torch.logsumexp(weight, 0).item() - np.log(chains)


def synchronize():
    if args.device != "cpu":
        torch.cuda.synchronize()


def report(program, case, wall, cpu, work, unit, check):
    print(f"{program:<8} {case:<26} threads {args.threads}  {work / wall:9.3f} {unit}  {work / cpu:9.3f} per CPU s  check {check:.3f}", flush=True)


for case in args.case or CASES:
    programs = [p for p in args.programs.split(",") if p != "torch" or torch]
    if m := re.fullmatch(r"ais(\d+)x(\d+)_c(\d+)_b(\d+)", case):
        n_visible, n_hidden, chains, steps = map(int, m.groups())
        for program in [p for p in programs if p != "sklearn"]:
            graph = lambda *a: anneal_torch(*a, as_graph=True)
            run = {"numpy": anneal_numpy, "torch": anneal_torch, "graph": graph}[program]
            # A tenth of the temperatures: all steps cost the same. On a GPU all of them, after a first run that prepares.
            part = max(steps // 10, 1) if args.device == "cpu" else steps
            if args.device != "cpu":
                run(n_visible, n_hidden, chains, [float(x) for x in np.linspace(0, 1, 11)])
            t0, c0 = time.perf_counter(), time.process_time()
            check = run(n_visible, n_hidden, chains, [float(x) for x in np.linspace(0, 1, part + 1)])
            report(program, case, time.perf_counter() - t0, time.process_time() - c0, part / steps, "runs/s", check)
        continue
    kind, n_visible, n_hidden, batch, how, k = re.fullmatch(r"([a-z]+)(\d+)x(\d+)_b(\d+)_(p?cd)(\d+)", case).groups()
    n_visible, n_hidden, batch, k = int(n_visible), int(n_hidden), int(batch), int(k)
    x = data(kind, max(2 * batch, 1000), n_visible, np.random.default_rng(0))
    for program in programs:
        if program == "sklearn" and (k != 1 or how != "pcd"):
            continue
        model = {"numpy": Numpy, "torch": Torch, "graph": Graph, "sklearn": Sklearn}[program](x, n_hidden, batch, k, how == "pcd")
        model.step()
        synchronize()
        best, updates = (1e9, 1e9), 3 if args.device == "cpu" else 300
        end = time.perf_counter() + args.seconds
        while time.perf_counter() < end or best[0] == 1e9:
            t0, c0 = time.perf_counter(), time.process_time()
            for _ in range(updates):
                model.step()
            synchronize()
            best = min(best[0], time.perf_counter() - t0), min(best[1], time.process_time() - c0)
        check = float(model.c.mean()) if program != "sklearn" else float(model.rbm.intercept_hidden_.mean())
        report(program, case, *best, updates, "updates/s", check)
