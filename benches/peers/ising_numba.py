#!/usr/bin/env python3
"""Checkerboard Metropolis on the CPU in numba, for comparison with `gibbsite bench ising`.

Same cases, temperature and check value; one row a case, program and number of threads:

    pip install numpy numba
    python benches/peers/ising_numba.py [--case square1024,square8x1000] [--threads 1,2] [--seconds 1]

A flip is one decision, taken for every spin once a sweep. `flips/ns` is by wall clock, `one CPU` by CPU time of all
threads; both are of the median piece of five. `check` is the energy a site after thermalising, averaged over the pieces.

    simple   one lattice of bytes, neighbours modulo L, a float random number and a table of acceptances a spin: the loop
             that people write
    good     the two colours in arrays of their own, one row after the other; integer thresholds and a xorshift
             generator for every column, so that the compiler vectorises along rows; for many lattices the replica is the
             innermost index, and it vectorises across them
"""

import argparse
import math
import time

import numba
import numpy as np

TEMPERATURE = 3.0
PIECES = 5
WARM_UP = 200


@numba.njit(parallel=True)
def simple_half_sweep(spins, accept, colour):
    replicas, length, _ = spins.shape
    for row in numba.prange(replicas * length):
        r, i = row // length, row % length
        for j in range((i + colour) % 2, length, 2):
            around = (
                spins[r, (i + 1) % length, j]
                + spins[r, (i - 1) % length, j]
                + spins[r, i, (j + 1) % length]
                + spins[r, i, (j - 1) % length]
            )
            if np.random.random() < accept[spins[r, i, j] * around + 4]:
                spins[r, i, j] = -spins[r, i, j]


class Simple:
    def __init__(self, length, replicas, _threads):
        self.spins = np.ones((replicas, length, length), np.int8)
        self.accept = np.minimum(1.0, np.exp(-2.0 * np.arange(-4, 5) / TEMPERATURE))

    def sweep(self, count):
        for _ in range(count):
            simple_half_sweep(self.spins, self.accept, 0)
            simple_half_sweep(self.spins, self.accept, 1)

    def energy(self):
        s = self.spins.astype(np.int32)
        return -np.mean(s * np.roll(s, 1, 1) + s * np.roll(s, 1, 2))


@numba.njit(inline="always")
def next_number(x):
    x = np.uint32(x ^ np.uint32(x << np.uint32(13)))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(17)))
    return np.uint32(x ^ np.uint32(x << np.uint32(5)))


@numba.njit(inline="always")
def update(me, up, down, beside, side, numbers, low, high):
    """Spins of one colour that lie side by side in memory; `low` and `high` are the thresholds of dE = 4 and 8."""
    for k in range(me.shape[0]):
        x = next_number(numbers[k])
        numbers[k] = x
        field = np.int8(me[k] * np.int8(up[k] + down[k] + beside[k] + side[k]))
        limit = np.uint32(0xFFFFFFFF)
        limit = low if field == 2 else limit
        limit = high if field == 4 else limit
        me[k] = np.int8(-me[k]) if x < limit else me[k]


@numba.njit(parallel=True, fastmath=True)
def rows_half_sweep(me, other, numbers, sides, low, high, colour):
    """One large lattice, [rows, columns of the colour]; bands of rows in parallel."""
    length, width = me.shape
    bands = numbers.shape[0]
    for band in numba.prange(bands):
        side = sides[band]
        for i in range(band * length // bands, (band + 1) * length // bands):
            line = other[i]
            if (i + colour) % 2 == 1:
                side[: width - 1] = line[1:]
                side[width - 1] = line[0]
            else:
                side[1:width] = line[: width - 1]
                side[0] = line[width - 1]
            up, down = other[i - 1 if i > 0 else length - 1], other[i + 1 if i + 1 < length else 0]
            update(me[i], up, down, line, side, numbers[band], low, high)


@numba.njit(parallel=True, fastmath=True)
def groups_sweep(colours, numbers, low, high, sweeps):
    """Many lattices, [group, colour, rows, columns of the colour, replicas]; groups in parallel."""
    groups, _, length, width, _ = colours.shape
    for g in numba.prange(groups):
        for half in range(2 * sweeps):
            colour = half % 2
            me, other = colours[g, colour], colours[g, 1 - colour]
            for i in range(length):
                up, down = other[i - 1 if i > 0 else length - 1], other[i + 1 if i + 1 < length else 0]
                step = 1 if (i + colour) % 2 == 1 else width - 1
                for j in range(width):
                    update(me[i, j], up[j], down[j], other[i, j], other[i, (j + step) % width], numbers[g], low, high)


def seeds(shape):
    return np.random.default_rng(1).integers(1, 2**32, shape, dtype=np.uint32)


LOW, HIGH = (np.uint32(math.exp(-cost / TEMPERATURE) * 2**32) for cost in (4, 8))


class GoodRows:
    def __init__(self, length, _replicas, threads):
        self.colours = np.ones((2, length, length // 2), np.int8)
        self.numbers = seeds((threads, length // 2))
        self.sides = np.zeros((threads, length // 2 + 64), np.int8)

    def sweep(self, count):
        even, odd = self.colours
        for _ in range(count):
            rows_half_sweep(even, odd, self.numbers, self.sides, LOW, HIGH, 0)
            rows_half_sweep(odd, even, self.numbers, self.sides, LOW, HIGH, 1)

    def energy(self):
        return energy_of_colours(self.colours[..., None])


class GoodReplicas:
    def __init__(self, length, replicas, threads):
        # Whole vectors of 64 replicas in every group, so that no remainder runs one by one.
        in_group = -(-replicas // (64 * threads)) * 64
        self.colours = np.ones((threads, 2, length, length // 2, in_group), np.int8)
        self.numbers = seeds((threads, in_group))

    def sweep(self, count):
        groups_sweep(self.colours, self.numbers, LOW, HIGH, count)

    def energy(self):
        return np.mean([energy_of_colours(colours) for colours in self.colours])


def energy_of_colours(colours):
    """Of [2, rows, columns of the colour, replicas]; bit k of a row of colour c is column 2 k + (row + c) % 2."""
    _, length, width, replicas = colours.shape
    spins = np.zeros((length, 2 * width, replicas), np.int32)
    for colour in range(2):
        for parity in range(2):
            spins[parity::2, (parity + colour) % 2 :: 2] = colours[colour, parity::2]
    return -np.mean(spins * np.roll(spins, 1, 0) + spins * np.roll(spins, 1, 1))


def measure(case, name, make, length, replicas, counted, threads, seconds):
    numba.set_num_threads(threads)
    lattice = make(length, replicas, threads)
    lattice.sweep(1)
    start = time.perf_counter()
    lattice.sweep(1)
    sweeps = max(1, int(seconds / PIECES / max(time.perf_counter() - start, 1e-7)))
    lattice.sweep(min(WARM_UP, PIECES * sweeps))
    pieces, energy = [], 0.0
    for _ in range(PIECES):
        wall, cpu = time.perf_counter(), time.process_time()
        lattice.sweep(sweeps)
        pieces.append((time.process_time() - cpu, time.perf_counter() - wall))
        energy += lattice.energy() / PIECES
    cpu, wall = sorted(pieces)[PIECES // 2]
    giga_flips = 1e-9 * length * length * counted * sweeps
    print(
        f"{case:<16} {name:<8} {threads:>7} {giga_flips / wall:>10.4f} {giga_flips / cpu:>10.4f} "
        f"{wall:>9.3f} {cpu:>9.3f} {energy:>11.5f}",
        flush=True,
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--case", default="square8x1000,square32x1000,square1024,square4096")
    arguments.add_argument("--threads", default=f"1,{numba.config.NUMBA_NUM_THREADS}")
    arguments.add_argument("--seconds", type=float, default=1.0)
    options = arguments.parse_args()
    print(
        f"{'case':<16} {'program':<8} {'threads':>7} {'flips/ns':>10} {'one CPU':>10} "
        f"{'seconds':>9} {'CPU s':>9} {'check':>11}"
    )
    for case in options.case.split(","):
        length, _, replicas = case.removeprefix("square").partition("x")
        length, replicas = int(length), int(replicas or 1)
        for threads in dict.fromkeys(int(n) for n in options.threads.split(",")):
            # A part of the replicas, which are all alike, is enough for the slow loop.
            few = min(replicas, 16)
            measure(case, "simple", Simple, length, few, few, threads, options.seconds)
            good = GoodRows if replicas == 1 else GoodReplicas
            measure(case, "good", good, length, replicas, replicas, threads, options.seconds)


if __name__ == "__main__":
    main()
