#!/usr/bin/env bash
# The first twelve minutes on a card, in order of worth, each stage with a time limit of its own:
#
#     benchmarks/gpu.sh OUT [--dry]
#
#   tests      what has to hold on the card (benchmarks/on_device.py)
#   train      the training step of XL/2, B/2 and S/2 at batches of 32 to 256, beside two peers
#   sampling   sampling, beside two peers
#   profile    the ten largest kernels of a step and of sampling
#
# OUT gets results.json and table.md, written anew after every single figure, so that a run that is cut off keeps what it
# had, and log.txt. It needs torch, numpy, pydantic and safetensors, and nothing need be installed. --dry runs everything
# on the CPU, with small shapes. PYTHON names the interpreter (python3).
set -u
out=${1:?usage: benchmarks/gpu.sh OUT [--dry]}
shift
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out" || exit 1
rm -f "$out/results.json" "$out/table.md"
: > "$out/log.txt"
failed=0
patience=1
case " $* " in *" --dry "*) patience=20 ;; esac # a busy processor is no reason to miss half of a dry run

stage() { # name, seconds
    local limit=$(($2 * patience))
    timeout --kill-after=10 "$limit" "${PYTHON:-python3}" "$here/gpu.py" "$1" "$out" "${@:3}" >> "$out/log.txt" 2>&1
    local status=$?
    case $status in
        0) ;;
        124 | 137) echo "$1: cut off after $limit s; what it had is in $out/table.md" ;;
        *) echo "$1: failed (exit code $status), see $out/log.txt"; failed=1 ;;
    esac
}

stage tests 180 "$@"
stage train 330 "$@"
stage sampling 120 "$@"
stage profile 80 "$@"
cat "$out/table.md"
exit $failed
