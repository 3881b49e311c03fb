"""The command line: commands, their options, tables on the screen."""

from gan2hls.cli.commands import app

__all__ = [
    "app",
]
