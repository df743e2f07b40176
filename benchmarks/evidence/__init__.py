"""Whether the map of `pipeline.explain` points at what was forged: `python -m benchmarks.evidence`."""
