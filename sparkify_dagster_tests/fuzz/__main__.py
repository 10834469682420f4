"""`python -m sparkify_dagster_tests.fuzz SECONDS [SEED]`: odd input until the time is over."""

import sys

from sparkify_dagster_tests.fuzz.fuzzer import fuzz

if __name__ == "__main__":
    print("Tried:", fuzz(*(int(word) for word in sys.argv[1:])))
