"""CUDA against the CPU, and how fast it is: `python -m benchmarks.gpu`, at most 8 minutes on one GPU."""
