"""Benchmarks: ``scripts/bench``. Each starts what it needs and prints ratios measured in the same run."""
