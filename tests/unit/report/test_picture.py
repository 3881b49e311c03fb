"""Pictures of every output that is an image."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gan2hls.base import ConfigError
from gan2hls.flow.result import run_golden
from gan2hls.quantize import quantize
from gan2hls.report import draw_picture, float_outputs, golden_outputs, output_pictures
from tests.graph_models import residual
from tests.unit.quantize.test_graphs import precisions
from tests.unit.verify.test_float import built


def size(png: bytes | None) -> tuple[int, int]:
    assert png is not None
    with Image.open(io.BytesIO(png)) as image:
        return image.size


def test_the_one_output_stands_without_a_title() -> None:
    net, outputs, model = built("residual")
    picture = draw_picture(net.model(*outputs), model, net.frames(12))
    assert size(picture) == (52 + 8 * (50 + 2), 2 * (50 + 2))
    assert picture == draw_picture(net.model(*outputs), model, net.frames(12))


def test_every_output_is_drawn_below_its_name() -> None:
    """Of two maps of one channel each, and one that is no image."""
    net, _ = residual()
    body = "l8_add"
    outputs = (net.conv(body, 1, "Tanh"), net.conv(body, 7), net.conv(body, 1, "Tanh"))
    graph = net.graph(*outputs)
    model = quantize(graph, net.model(*outputs), net.frames(16), precisions(graph), None).model
    picture = draw_picture(net.model(*outputs), model, net.frames(12))
    assert size(picture) == (52 + 8 * 52, 2 * (20 + 2 * 52))


def test_outputs_are_near_each_other_by_their_names() -> None:
    net, outputs, model = built("twins")
    frames = net.frames(5)
    wanted, found = float_outputs(net.model(*outputs), model, frames), golden_outputs(model, frames)
    assert list(wanted) == list(found) == [port.onnx_name for port in net.graph(*outputs).outputs]
    for name, values in wanted.items():
        assert values.shape == found[name].shape and np.abs(values - found[name]).max() < 0.05 * np.ptp(values)
    made = run_golden(model, frames)
    assert all((made[name] == values).all() for name, values in found.items())
    assert size(output_pictures(model, [("golden", found)])) == (52 + 5 * 74, 20 + 50)


def test_arrays_for_several_inputs_come_by_name_and_as_many_of_each() -> None:
    net, _, model = built("twins")
    frames = net.frames(5)
    with pytest.raises(ConfigError, match=r"one array for the inputs 'z0', 'z1'"):
        run_golden(model, frames["z0"])
    with pytest.raises(ConfigError, match=r"different numbers of frames: 'z0' 5, 'z1' 4"):
        run_golden(model, {**frames, "z1": frames["z1"][:4]})
    with pytest.raises(ConfigError, match=r"no array for the input 'z1'"):
        run_golden(model, {"z0": frames["z0"]})
