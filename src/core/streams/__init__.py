"""Decoders of agents' output: bytes in, events out."""
