"""Why a task waits for a person, where others have to know it again."""

CANCELLED = "cancelled by a person"
"""The `Task.attention` of a task that somebody wants not to be worked on."""
