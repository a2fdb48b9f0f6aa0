# Generated from src/_async/__init__.py. Do not edit.
"""The server: everything that waits."""
