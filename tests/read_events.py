"""Reads a training's events with TensorBoard's own reader and compares every number with metrics.csv.

    pip install tensorboard
    gibbsite train scenarios/data/pbmc68k_markers64_binary.csv --hidden 8 --updates 500 --metrics 5 --log log -o m.safetensors
    python3 tests/read_events.py log
"""

import csv
import pathlib
import sys

import numpy
import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Columns that have another name among the events; the rest is named alike, behind a group and a slash.
NAMES = {
    "likelihood/train": "log_likelihood",
    "likelihood/held_out": "held_out_log_likelihood",
    "likelihood/online": "online_log_likelihood",
    "likelihood/pseudo": "pseudo_likelihood",
    "weights/rms": "weight_rms",
}

log = pathlib.Path(sys.argv[1])
with open(log / "metrics.csv", newline="") as file:
    rows = list(csv.DictReader(file))
wanted = {}
for row in rows:
    for name, value in row.items():
        # Errors are bars in the table, not curves.
        is_error = name.endswith("likelihood_error")
        if name != "update" and not is_error and value:
            wanted.setdefault(name, {})[int(row["update"])] = numpy.float32(value)

events = EventAccumulator(str(log), size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
found = {}
for tag in events.Tags()["scalars"]:
    found[NAMES.get(tag, tag.rsplit("/", 1)[-1])] = {e.step: numpy.float32(e.value) for e in events.Scalars(tag)}

wrong = [name for name in wanted if found.get(name) != wanted[name]]
unknown = sorted(set(found) - set(wanted))
if wrong or unknown or not rows:
    for name in wrong:
        print(f"{name}: {found.get(name)} in the events, {wanted[name]} in metrics.csv")
    sys.exit(f"{len(wrong)} of {len(wanted)} numbers differ, {len(unknown)} are in the events alone: {unknown}")
print(f"TensorBoard {tensorboard.__version__} reads {len(rows)} steps of {len(wanted)} numbers as metrics.csv has them")
