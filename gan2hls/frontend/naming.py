"""Identifiers from untrusted names, and how nodes are named in messages."""

from __future__ import annotations

import re

import onnx

from gan2hls.errors import Gan2HlsError
from gan2hls.ir import IDENTIFIER


def identifier(text: str, fallback: str) -> str:
    """Return an identifier (``ir.IDENTIFIER``) that resembles ``text``."""
    made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:48]
    if made and not made[0].isalpha():
        made = f"{fallback}_{made}"
    made = made or fallback
    assert IDENTIFIER.match(made), made
    return made


def describe(node: onnx.NodeProto) -> str:
    """Return how messages name a node; its name is untrusted and so quoted."""
    name = node.name or (node.output[0] if node.output else "")
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"node {name!r} ({domain}{node.op_type})"


def at(error: Gan2HlsError, where: str) -> Gan2HlsError:
    """Return ``error`` with ``where``, unless it has one."""
    return error if error.where else type(error)(error.message, where=where, hint=error.hint)
