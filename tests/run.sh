#!/bin/sh
# Runs all tests, those of the GPU backend included. On Debian and Ubuntu as root it installs Mesa's software Vulkan
# driver when no Vulkan driver is there; elsewhere it says what to install. Arguments go to `cargo test`.
set -eu
cd "$(dirname "$0")/.."

has_vulkan() {
    for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/share/vulkan/icd.d; do
        ls "$folder"/*.json >/dev/null 2>&1 && return 0
    done
    [ -n "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || [ "$(uname -s)" = Darwin ]
}

if ! has_vulkan; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "no Vulkan driver: installing Mesa's software driver"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libvulkan1 mesa-vulkan-drivers
    else
        cat >&2 <<'TEXT'
no Vulkan driver, so the tests of the GPU backend would be left out. Install one and run this again:
  Debian, Ubuntu   sudo apt-get install libvulkan1 mesa-vulkan-drivers
  Fedora           sudo dnf install vulkan-loader mesa-vulkan-drivers
  Arch             sudo pacman -S vulkan-icd-loader vulkan-swrast
To test the CPU backend alone: cargo test
TEXT
        exit 1
    fi
fi

export GIBBSITE_REQUIRE_GPU=1 NODEVICE_SELECT=1
exec cargo test "$@"
