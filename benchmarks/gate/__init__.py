"""The gate: is the asynchronous path good enough to take the place of the synchronous one?

``python -m benchmarks.gate`` measures every criterion and ends with the verdict's
exit code; see docs/ab.md.
"""
