"""`make fuzz ARGS='--lines N --seed S'`: play N lines; troubles are printed as scripts that show them."""

import argparse
import sys
import time

from tests.fuzz.play import fuzz

options = argparse.ArgumentParser()
options.add_argument("--lines", type=int, default=20_000)
options.add_argument("--seed", default=str(int(time.time()) // 86400))
asked = options.parse_args()
sys.stdout.write(f"{asked.lines} lines, seed {asked.seed}\n")
found = fuzz(asked.lines, asked.seed, sys.stdout.write)
sys.stdout.write(f"{len(found)} troubles\n")
sys.exit(bool(found))
