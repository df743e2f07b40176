"""Faults of the machine while `dvc repro` runs; `python -m tests.faults` makes them, `make test` does not."""
