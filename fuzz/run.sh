#!/usr/bin/env bash
# Fuzzes every reader: fuzz/run.sh [SECONDS of each target, 60] [TARGET ...].
#
# Needs the stable toolchain and a C++ compiler, nothing else: the coverage that libFuzzer asks for is asked of rustc as
# `cargo fuzz run --sanitizer none` does, which works here too where it is installed. A target fails by a panic, by one
# input that takes 10 s, by more than 1 GiB of memory in all or in one piece. New inputs go to fuzz/corpus, those that
# fail to fuzz/artifacts; fuzz/seeds is where it begins.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(npy npz table tensors scenario report text)

host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="$coverage --cfg fuzzing" cargo build --release --locked --target "$host"
# What memory the readers may take: less than the limit of a target.
export GIBBSITE_MEMORY=256MiB

failed=0
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    seeds=("seeds/$target")
    [ "$target" != scenario ] || seeds+=(../scenarios)
    echo "== $target, $seconds s"
    set +e
    "target/$host/release/$target" "corpus/$target" "${seeds[@]}" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=1024 -max_len=65536 \
        -print_final_stats=1 2>&1 | grep -aE "^(stat::|SUMMARY|==|thread|assertion|#[0-9]+.DONE)|panicked|Test unit written"
    [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
    set -e
done
exit $failed
