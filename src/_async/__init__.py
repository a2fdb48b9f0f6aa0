"""The server: everything that waits."""
