"""The `rbms` package (PyTorch) beside `gibbsite bench rbm` and `gibbsite bench ais`: the calls of its own training loop.

    python3.12 -m venv target/rbms && target/rbms/bin/pip install rbms==0.6.0
    target/rbms/bin/python benches/peers/rbm_rbms.py --threads 1 --case mnist784x500_b500_pcd10 --case ais784x500_c1000_b1000

Needs Python 3.12 or newer: for an older one pip finds a version of rbms without the samplers that are called here. An update is: take a batch, sample the chains, centred gradient, SGD; no progress
bar, no file. One line a case, as `rbm_numpy.py`. Of annealing, a tenth of the temperatures: all cost the same.
"""
import argparse
import os
import re
import time

ap = argparse.ArgumentParser()
ap.add_argument("--case", action="append", help="repeat for several")
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--seconds", type=float, default=3.0)
args = ap.parse_args()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(args.threads)

import numpy as np
import torch
from rbms.bernoulli_bernoulli.classes import BBRBM
from rbms.dataset.dataset_class import RBMDataset
from rbms.partition_function.ais import compute_partition_function_ais
from rbms.sampler import PCD

torch.set_num_threads(args.threads)
torch.manual_seed(1)
CASES = ["ising64x64_b500_pcd10", "ising64x64_b1000_pcd10", "mnist784x500_b500_pcd1", "mnist784x500_b500_pcd10"]
DENSITY = {"ising": 0.5, "mnist": 0.13, "dense": 0.5, "cells": 0.035}


def clocks():
    return time.perf_counter(), time.process_time()


def report(case, wall, cpu, work, unit, check):
    print(f"rbms     {case:<26} threads {args.threads}  {work / wall:9.3f} {unit}  {work / cpu:9.3f} per CPU s  check {check:.3f}", flush=True)


def training(case, kind, n_visible, n_hidden, batch, k):
    rows = max(2 * batch, 1000)
    x = (np.random.default_rng(0).random((rows, n_visible), dtype=np.float32) < DENSITY[kind]).astype(np.float32)
    data = RBMDataset(data=x, labels=-np.ones(rows), weights=np.ones(rows), names=np.arange(rows), dataset_name=case,
                      variable_type="bernoulli", device="cpu", dtype=torch.float32)
    machine = BBRBM.init_parameters(num_hiddens=n_hidden, dataset=data, device="cpu", dtype=torch.float32)
    machine.init_grad()
    sampler = PCD(params=machine, chains=machine.init_chains(num_samples=batch), num_steps=k)
    optimiser = torch.optim.SGD(machine.parameters(), lr=torch.tensor(0.05), maximize=True)

    def update():
        part = data.batch(batch)
        optimiser.zero_grad(set_to_none=False)
        positive = machine.init_chains(num_samples=batch, weights=part["weights"], start_v=part["data"])
        negative = sampler.get_conf_grad(batch=part["data"])
        machine.compute_gradient(data=positive, chains=negative, centered=True)
        optimiser.step()
        machine.post_grad_update()
        sampler.post_grad_update(params=machine)

    update()
    best, end = (1e9, 1e9), time.perf_counter() + args.seconds
    while time.perf_counter() < end or best[0] == 1e9:
        begin = clocks()
        for _ in range(3):
            update()
        best = tuple(min(old, new - then) for old, new, then in zip(best, clocks(), begin))
    report(case, *best, 3, "updates/s", float(machine.hbias.mean()))


def annealing(case, n_visible, n_hidden, chains, steps):
    generator = torch.Generator().manual_seed(1)
    machine = BBRBM(weight_matrix=0.05 * torch.randn(n_visible, n_hidden, generator=generator),
                    vbias=torch.full((n_visible,), -2.0), hbias=torch.zeros(n_hidden))
    part = max(steps // 10, 1)
    begin = clocks()
    log_z = compute_partition_function_ais(num_chains=chains, num_beta=part + 1, params=machine)
    wall, cpu = (new - then for new, then in zip(clocks(), begin))
    report(case, wall, cpu, part / steps, "runs/s", float(log_z))


for case in args.case or CASES:
    if m := re.fullmatch(r"ais(\d+)x(\d+)_c(\d+)_b(\d+)", case):
        annealing(case, *map(int, m.groups()))
    else:
        kind, n_visible, n_hidden, batch, k = re.fullmatch(r"([a-z]+)(\d+)x(\d+)_b(\d+)_pcd(\d+)", case).groups()
        training(case, kind, *map(int, (n_visible, n_hidden, batch, k)))
