"""Models of several inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from tests.float_evaluator import check
from tests.unit.frontend.test_graphs import PADS, kinds, with_ports


def test_several_inputs(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) s = Add(a, z) y = Conv(s, wide)"
    _, final = check(with_ports(tmp_path, body, {"x": (1, 3, 5, 6), "z": (1, 4, 5, 6)}, ("y",)))
    assert kinds(final) == {"conv": 2, "add": 1} and [port.name for port in final.inputs] == ["x", "z"]
    _, final = check(with_ports(tmp_path, "s = Add(X, x) y = Conv(s, wide)", dict.fromkeys("Xx", (1, 4, 5, 6)), ("y",)))
    assert len({port.name for port in final.inputs}) == 2 and kinds(final) == {"add": 1, "conv": 1}


def test_several_outputs(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) r = Relu(a) y = Conv<{PADS}>(r, w0) c = Slice(r, start, end, axes)"
    _, final = check(with_ports(tmp_path, body, {"x": (1, 3, 5, 6)}, ("y", "r", "c")))
    assert kinds(final) == {"conv": 2, "reorder": 1}
    assert [port.onnx_name for port in final.outputs] == ["y", "r", "c"]


def test_an_output_that_is_another_or_an_input(tmp_path: Path) -> None:
    body = f"y = Conv<{PADS}>(x, first) t = Transpose<perm = [0, 2, 3, 1]>(y) u = Identity(x)"
    _, final = check(with_ports(tmp_path, body, {"x": (1, 3, 5, 6)}, ("y", "t", "u")))
    assert kinds(final) == {"conv": 1, "pointwise": 2}
    assert len({port.name for port in final.outputs}) == 3


def test_batches_of_several_inputs(tmp_path: Path) -> None:
    path = with_ports(tmp_path, "y = Add(x, z)", {"x": (2, 4), "z": (3, 4)}, ("y",))
    with pytest.raises(UnsupportedError, match="different batches of its inputs: 'x' 2, 'z' 3"):
        load(path, input_shapes={"x": (1, 4), "z": (1, 4)})
    path = with_ports(tmp_path, "y = Add(x, z)", {"x": (2, 4), "z": (2, 4)}, ("y",))
    assert kinds(load(path, input_shapes={"x": (1, 4), "z": (1, 4)}).graph) == {"add": 1}
