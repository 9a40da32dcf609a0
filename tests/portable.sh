#!/bin/sh
# Other builds than the usual one. The library must compile without a warning without its features and with each alone;
# everything for 64-bit ARM, Linux and macOS, and the library without features for WebAssembly. With GIBBSITE_EMULATE=1
# the tests of the CPU engine against exact values and plain references also run on an emulated ARM, which takes some
# ten minutes more. What is missing is installed where that can be done
# without asking; else it is said what was left out. Arguments go to cargo.
set -eu
cd "$(dirname "$0")/.."

linux=aarch64-unknown-linux-gnu

has_target() {
    rustup target list --installed 2>/dev/null | grep -qx "$1" || rustup target add "$1" >/dev/null 2>&1 || {
        echo "left out: $1, because rustup cannot add it here"
        return 1
    }
}

has_emulator() {
    if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "no emulator of ARM: installing qemu-user and a linker for it"
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross; } >/dev/null 2>&1 || true
        fi
    fi
    command -v qemu-aarch64 >/dev/null && command -v aarch64-linux-gnu-gcc >/dev/null || {
        echo "left out: tests on ARM. On Debian and Ubuntu they need: apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
        return 1
    }
}

for feature in "" threads files gpu; do
    cargo clippy "$@" --lib --no-default-features --features "$feature" -- -D warnings
done
for target in "$linux" aarch64-apple-darwin; do
    if has_target "$target"; then
        cargo check "$@" --lib --bins --target "$target"
    fi
done
if has_target wasm32-unknown-unknown; then
    cargo check "$@" --lib --no-default-features --target wasm32-unknown-unknown
fi
if [ "${GIBBSITE_EMULATE:-0}" = 1 ] && has_target "$linux" && has_emulator; then
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    cargo test "$@" --lib --target "$linux" -- backend::cpu rng:: bits:: numerics:: exact:: stats::
fi
