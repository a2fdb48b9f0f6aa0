"""A stand-in for a coding agent: a separate program that needs no account and no network.

It speaks the command line and the event stream of the Cursor CLI, edits files and
writes reports, and misbehaves on request in the ways real agents do.
"""
