# usage: same_bits.sh SPEC DIRECTORY PYTHON COMPARE: runs a spec on both CPU instruction sets and in the emulator, and compares.
set -e
for seed in 3 4 5 6; do
  run() { moe-run "$1" -T 1024 --seed $seed --no-chart --save "$2" "$3" "$4" > /dev/null; }
  run "$1" "$2/cpu$seed" --device cpu
  run "$1" "$2/avx2_$seed" --isa avx2
  run "$1" "$2/grid$seed" --device emulator
  moe-run "$1" -T 1024 --seed $seed --no-chart --save "$2/blocks$seed" --device emulator --blocks 3 > /dev/null
  "$3" "$4" "$2/cpu$seed" "$2/avx2_$seed" "$2/grid$seed" "$2/blocks$seed"
done
