"""Patterns of the config: which layers they name."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from gan2hls.base import ConfigError
from gan2hls.config.schema import Config


def matches(pattern: str, name: str, source: str) -> bool:
    """Whether ``pattern`` names the layer ``name`` or one of the ONNX nodes in ``source``, or is a glob of either."""
    return any(text == pattern or fnmatchcase(text, pattern) for text in (name, source, *source.split(" + ")))


def named(name: str, source: str) -> str:
    """Return how a message names a layer: with its ONNX nodes, where those have names."""
    nodes = " + ".join(node for node in source.split(" + ") if node)
    return f"{name} ({nodes})" if nodes else name


def check_patterns(sources: Mapping[str, str], config: Config) -> None:
    """Refuse patterns of ``config`` that match none of the layers, whose ONNX nodes ``sources`` gives by name.

    Raises:
        ConfigError: there is one.
    """
    for pattern in config.layers:
        if not any(matches(pattern, name, source) for name, source in sources.items()):
            known = ", ".join(named(name, source) for name, source in sources.items())
            raise ConfigError("matches no layer", where=f"layers.{pattern}", hint=f"the layers are {known}")
