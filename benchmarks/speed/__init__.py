"""How fast the product is beside what a person would write from the same libraries: `python -m benchmarks.speed`."""
