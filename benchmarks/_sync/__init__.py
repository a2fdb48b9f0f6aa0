# Generated from benchmarks/_async/__init__.py. Do not edit.
"""What is measured, written once for both paths."""
