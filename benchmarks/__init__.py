"""Speed and memory of both paths; see docs/benchmarks.md."""
