#!/usr/bin/env python3
"""Density estimation with nothing set: the test log-likelihood of `train --fit` on a folder of binary data sets.

    cargo build --release
    python3 benches/density/table.py FOLDER --seeds 3 --peers

FOLDER holds NAME.train.npz and NAME.test.npz (array `samples`, 0 and 1). Of every set `gibbsite train NAME.train.npz --fit`
makes a machine, on one thread; `gibbsite likelihood` bounds the mean log-likelihood of the test rows from both
sides. With --peers a plain numpy PCD and, where it is installed, scikit-learn's BernoulliRBM train machines of as many
hidden units for the same CPU time, and the same program evaluates them. The table goes to standard output as
Markdown, everything else to NAME.json beside the machines in --out. Needs numpy and safetensors.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from safetensors.numpy import load_file, save_file


def call(*command):
    """Standard output of a command as JSON, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return json.loads(done.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def evaluate(program, model, rows, seed, chains, betas):
    """Test log-likelihoods from both sides and what is offered, with the error of the latter over rows and ln Z."""
    found, _ = call(program, "likelihood", model, rows, "--chains", chains, "--betas", betas, "--seed", seed,
                    "--backend", "cpu", "--threads", 1, "--json")
    likelihood = found["log_likelihood"]["data"]
    value = lambda side: (likelihood.get(side) or {}).get("value")
    best = next((likelihood[side] for side in ("exact", "bridged", "forward") if likelihood.get(side)), None)
    return {"forward": value("forward"), "reverse": value("reverse"), "value": best["value"], "error": best["error"],
            "trusted": found.get("trusted", likelihood.get("exact") is not None)}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-np.clip(x, -60, 60)))


def plain_pcd(rows, hidden, seconds, seed, rate=0.05, batch=100, chains=100):
    """Persistent contrastive divergence by the book (Tieleman 2008): plain gradient, falling rate, one Gibbs step."""
    random = np.random.default_rng(seed)
    units = rows.shape[1]
    w = 0.01 * random.standard_normal((units, hidden))
    mean = (rows.sum(0) + 0.5) / (len(rows) + 1)
    b, c = np.log(mean / (1 - mean)), np.zeros(hidden)
    v = rows[random.integers(len(rows), size=chains)].astype(float)
    start, t = time.process_time(), 0
    while (spent := (time.process_time() - start) / seconds) < 1:
        data = rows[random.integers(len(rows), size=batch)].astype(float)
        on_data = sigmoid(data @ w + c)
        h = random.random((chains, hidden)) < sigmoid(v @ w + c)
        v = (random.random((chains, units)) < sigmoid(h @ w.T + b)).astype(float)
        on_chains = sigmoid(v @ w + c)
        step = rate * (1 - spent)
        w += step * (data.T @ on_data / batch - v.T @ on_chains / chains)
        b += step * (data.mean(0) - v.mean(0))
        c += step * (on_data.mean(0) - on_chains.mean(0))
        t += 1
    return w, b, c, f"{t} updates"


def bernoulli_rbm(rows, hidden, seconds, seed):
    """scikit-learn's, one epoch after another."""
    from sklearn.neural_network import BernoulliRBM

    rbm = BernoulliRBM(n_components=hidden, learning_rate=0.05, batch_size=100, random_state=seed)
    start, t = time.process_time(), 0
    while time.process_time() - start < seconds:
        rbm.partial_fit(rows[np.random.default_rng(t).permutation(len(rows))[:100]].astype(float))
        t += 1
    return rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_, f"{t} updates"


PEERS = {"numpy PCD": plain_pcd, "scikit-learn": bernoulli_rbm}


def peers(program, folder, name, hidden, seconds, seed, out, sides):
    """Machines of other programs for the same CPU time."""
    rows = np.load(folder / f"{name}.train.npz")["samples"]
    found = {}
    for peer, train in PEERS.items():
        try:
            w, b, c, note = train(rows, hidden, seconds, seed)
        except ImportError:
            continue
        model = out / f"{name}.{peer.replace(' ', '-')}.safetensors"
        arrays = {"weights": w, "visible_bias": b, "hidden_bias": c}
        save_file({key: np.ascontiguousarray(array, np.float32) for key, array in arrays.items()}, model)
        found[peer] = {**evaluate(program, model, folder / f"{name}.test.npz", seed, *sides), "note": note}
    return found


def one_set(arguments, folder, name, out):
    """Everything about one data set."""
    sides = (arguments.chains, arguments.betas)
    runs = []
    for seed in range(1, arguments.seeds + 1):
        model = out / f"{name}.{seed}.safetensors"
        record, seconds = call(arguments.program, "train", folder / f"{name}.train.npz", "-o", model, "--seed", seed,
                               "--backend", "cpu", "--threads", 1, "--force", "--json", *arguments.train)
        test = evaluate(arguments.program, model, folder / f"{name}.test.npz", seed, *sides)
        hidden = load_file(model)["hidden_bias"].size
        runs.append({"seed": seed, "cpu_seconds": seconds, "hidden": hidden, "record": record, "test": test})
        print(name, seed, f"{seconds:.1f} s", test, file=sys.stderr)
    typical = sorted(runs, key=lambda run: run["test"]["value"])[(len(runs) - 1) // 2]
    found = {"set": name, "runs": runs, "median": typical["seed"]}
    if arguments.peers:
        found["peers"] = peers(arguments.program, folder, name, typical["hidden"], typical["cpu_seconds"], 1, out, sides)
    (out / f"{name}.json").write_text(json.dumps(found, indent=1))
    return found


def row(found):
    """A line of the table."""
    values = [run["test"]["value"] for run in found["runs"]]
    run = next(run for run in found["runs"] if run["seed"] == found["median"])
    test, fit = run["test"], run["record"].get("fit") or {}
    chosen = fit["tried"][fit["chosen"]]["name"] if fit else "as said"
    sides = ", ".join("–" if test[side] is None else f"{test[side]:.2f}" for side in ("forward", "reverse"))
    cells = [found["set"], f"{statistics.median(values):.2f} ± {test['error']:.2f}",
             " ".join(f"{value:.2f}" for value in values), sides, "yes" if test["trusted"] else "no",
             f"{run['cpu_seconds']:.0f}", f"{run['hidden']} hidden, {chosen}, {run['record']['updates']} updates"]
    cells += [f"{peer['value']:.2f}" for peer in found.get("peers", {}).values()]
    return "| " + " | ".join(cells) + " |"


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("folder", type=pathlib.Path)
    parse.add_argument("--program", default="target/release/gibbsite", help="the program to measure")
    parse.add_argument("--sets", nargs="*", help="names of sets; all in the folder unless said")
    parse.add_argument("--seeds", type=int, default=1)
    parse.add_argument("--peers", action="store_true", help="other programs for the same CPU time too")
    parse.add_argument("--chains", type=int, default=1000, help="chains of the evaluation")
    parse.add_argument("--betas", type=int, default=2000, help="temperatures of the evaluation")
    parse.add_argument("--out", type=pathlib.Path, default=pathlib.Path("density"))
    parse.add_argument("--train", nargs=argparse.REMAINDER, default=["--fit"],
                       help="options of `train` in place of --fit, last of all")
    arguments = parse.parse_args()
    arguments.out.mkdir(exist_ok=True)
    names = arguments.sets or sorted(path.name.split(".")[0] for path in arguments.folder.glob("*.train.npz"))
    all_found = [one_set(arguments, arguments.folder, name, arguments.out) for name in names]
    peer_names = list(all_found[0].get("peers", {})) if all_found else []
    head = ["set", "test, nats a row", "seeds", "forward, reverse", "trusted", "CPU s", "settings", *peer_names]
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    print("\n".join(row(found) for found in all_found))


if __name__ == "__main__":
    main()
