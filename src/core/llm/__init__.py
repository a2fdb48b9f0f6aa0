"""Large language models: which one is asked what, and what its answer means."""
