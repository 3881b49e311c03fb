"""Models of several inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

import gan2hls
from gan2hls.base import UnsupportedError
from gan2hls.frontend import load
from gan2hls.frontend.naming import port_names
from tests.float_evaluator import check
from tests.unit.frontend.test_graphs import PADS, K, kinds, with_ports


def test_several_inputs(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) s = Add(a, z) y = Conv(s, wide)"
    _, final = check(with_ports(tmp_path, body, {"x": (1, 3, 5, 6), "z": (1, 4, 5, 6)}, ("y",)))
    assert kinds(final) == {"conv": 2, "add": 1} and [port.name for port in final.inputs] == ["x", "z"]
    _, final = check(with_ports(tmp_path, "s = Add(X, x) y = Conv(s, wide)", dict.fromkeys("Xx", (1, 4, 5, 6)), ("y",)))
    assert len({port.name for port in final.inputs}) == 2 and kinds(final) == {"add": 1, "conv": 1}


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        (("x", "x_1"), ["x", "x_1_in"]),
        (("x_1", "x"), ["x_1_in", "x"]),
        (("a.b", "a_b"), ["a_b", "a_b_1_in"]),
        (("x", "x_1", "x_1_in"), ["x", "x_1_in_", "x_1_in"]),
        (("noise_0", "noise_1"), ["noise_0", "noise_1"]),
    ],
)
def test_no_input_is_called_as_a_branch_of_another(inputs: tuple[str, ...], names: list[str]) -> None:
    ports = [onnx.helper.make_empty_tensor_value_info(name) for name in inputs]
    assert port_names(ports) == names


def test_an_input_beside_one_that_two_layers_read(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) b = Conv<{PADS}>(x, first) c = Mul(a, b) y = Add(c, x_1)"
    path = with_ports(tmp_path, body, {"x": (1, 3, 5, 6), "x_1": (1, 4, 5, 6)}, ("y",))
    assert gan2hls.build(path, write=False, stop="emit").project is not None


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


@pytest.mark.parametrize(
    "body",
    [
        "t = Transpose<perm = [2, 3, 0, 1]>(x) u = Transpose<perm = [2, 3, 0, 1]>(z) v = Squeeze(u, ends) "
        "m = Mul(t, v) y = Transpose<perm = [2, 3, 0, 1]>(m)",
        "t = Transpose<perm = [2, 3, 0, 1]>(x) m = ReduceMax<axes = [1]>(t) y = Transpose<perm = [2, 3, 0, 1]>(m)",
    ],
)
def test_a_batch_axis_that_does_not_lead_where_tensors_meet_is_refused(tmp_path: Path, body: str) -> None:
    path = with_ports(tmp_path, body, {"x": (1, 4, 5, 6), "z": (1, 4, 1, 1)}, ("y",), {"ends": np.array([0, 1])})
    with pytest.raises(UnsupportedError, match=r"has shape \[5, 6, 1, 4\]") as caught:
        load(path)
    assert "a batch axis of 1 must lead there" in str(caught.value.hint)


def test_a_number_a_frame_has_two_axes(tmp_path: Path) -> None:
    body = f"a = Conv<{PADS}>(x, first) t = Reshape(z, one) b = Mul(a, t) y = Conv(b, wide)"
    constants = {**K, "one": np.array([1])}
    inputs: dict[str, tuple[int, ...]] = {"x": (1, 3, 5, 6), "z": (1,)}
    for alone in (body, body.replace("t = Reshape(z, one)", "t = Identity(z)"), body.replace("(a, t)", "(a, z)")):
        with pytest.raises(UnsupportedError, match=r"'z' has shape \[1\]: an axis must stand") as caught:
            load(with_ports(tmp_path, alone, inputs, ("y",), constants))
        assert "[1, 1]" in str(caught.value.hint)
    check(with_ports(tmp_path, body, {**inputs, "z": (1, 1)}, ("y",), constants))  # as the hint says
