"""What can go wrong, each with a message that says what to do."""

from __future__ import annotations


class TwinsError(Exception):
    """The base of every error that this package raises on purpose."""


class ConfigError(TwinsError):
    """The configuration is missing or wrong; the message names the key."""


class ToolMissing(TwinsError):
    """A library or a program that generation needs is not installed."""


class ConversionError(TwinsError):
    """A source cannot be converted: it, or what became of it, is not valid Python."""


class Refused(TwinsError):
    """Going on would overwrite, delete or follow something that was not generated."""
