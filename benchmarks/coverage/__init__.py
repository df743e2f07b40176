"""How often the report's intervals hold the truth, and its thresholds their promise: `python -m benchmarks.coverage`."""
