"""How often the audit finds a leak that only some of the fakes have: `python -m benchmarks.leaks`."""
