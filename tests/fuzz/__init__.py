"""Made-up input of every kind that strangers give; `python -m tests.fuzz` runs it, `make test` does not."""
