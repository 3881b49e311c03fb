"""Float reference values: draw or read inputs, run ONNX Runtime, map its tensors onto streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from gan2hls.base import ModelError
from gan2hls.model import Graph, Port, linear_layers
from gan2hls.numbers import Float32Array
from gan2hls.quantize.data_file import read_inputs_file

#: Float32 values that calibration keeps, and MACs that it spends; fewer frames are used for larger models.
_VALUE_LIMIT = 1 << 26
_MAC_LIMIT = 10_000_000_000
_LEAST_FRAMES = 16
#: Types of inputs that hold whole numbers, as ONNX Runtime names them.
_WHOLE: Mapping[str, type[np.integer]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
#: How messages of ONNX Runtime name a node.
_NODE_NAMES = tuple(map(re.compile, (r"Name:'([^']*)'", r"node with name '([^']*)'", r"Node ?\(([^)]*)\)")))


@final
@dataclass(frozen=True)
class Source:
    """Where inputs come from.

    Attributes:
        data: an ``.npy`` (one input) or ``.npz`` (an array per input name) file, or None to draw.
        distribution: ``normal`` or ``uniform``.
        first: mean, or the lower bound.
        second: standard deviation, or the upper bound.
        samples: number of frames to draw, or the most to take from ``data``.
        seed: of ``numpy.random.default_rng``.
    """

    data: Path | None = None
    distribution: str = "normal"
    first: float = 0.0
    second: float = 1.0
    samples: int = 128
    seed: int = 0


def draw(ports: Sequence[Port], source: Source) -> dict[str, Float32Array]:
    """Return inputs for ``ports``, by ONNX name, float32 ``[N, *onnx_shape[1:]]``.

    Raises:
        ConfigError: a data file that is missing, broken, or of another shape than the model's input.
    """
    if source.data is not None:
        return read_inputs_file(source.data, ports, source.samples)
    rng = np.random.default_rng(source.seed)
    inputs = {}
    for port in ports:
        shape = (source.samples, *port.onnx_shape[1:])
        if port.labels:
            values = rng.integers(0, port.labels, shape).astype(np.float64)
        elif source.distribution == "normal":
            values = rng.normal(source.first, source.second, shape)
        else:
            values = rng.uniform(source.first, source.second, shape)
        inputs[port.onnx_name] = values.astype(np.float32)
    return inputs


@final
class FloatModel:
    """The normalized ONNX model under ONNX Runtime, with chosen tensors as outputs."""

    def __init__(self, model: onnx.ModelProto, ports: Iterable[Port]) -> None:
        self.ports = tuple(ports)
        hidden = {port.onnx_name for port in self.ports} - {output.name for output in model.graph.output}
        content = model.SerializeToString()
        if hidden:
            graph = onnx.GraphProto(output=[onnx.helper.make_empty_tensor_value_info(name) for name in sorted(hidden)])
            content += onnx.ModelProto(graph=graph).SerializeToString()  # protobuf merges messages that are appended
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it refuses is an error of ours
        # every node as the file has it: fused ones, integer kernels among them, round where the file does not
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own, all derived from Exception
            raise _refusal("refuses the model", error) from error
        self._inputs = {given.name: _WHOLE.get(given.type) for given in self._session.get_inputs()}

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]], *, check: bool = True) -> dict[str, Float32Array]:
        """Return float32 streams ``[N, H, W, C]`` by port name.

        Args:
            inputs: ``[N, *onnx_shape[1:]]`` by ONNX name; those that the model does not have are left out.
            check: that all values are finite.

        Raises:
            ModelError: ONNX Runtime cannot run it; NaN or infinite values, unless ``check`` is off.
        """
        frames = len(next(iter(inputs.values())))
        inputs = {name: _typed(name, inputs[name], kind) for name, kind in self._inputs.items() if name in inputs}
        names = [port.onnx_name for port in self.ports]
        streams = {port.name: np.empty((frames, *port.shape), np.float32) for port in self.ports}
        for n in range(frames):
            feed = {name: values[n : n + 1] for name, values in inputs.items()}
            try:
                found = self._session.run(names, feed)[: len(names)]  # asked for nothing, it returns every output
            except Exception as error:
                raise _refusal("cannot run the model", error) from error
            for port, values in zip(self.ports, found, strict=True):
                if tuple(values.shape) != port.onnx_shape:
                    raise _refusal(f"makes {port.onnx_name!r} of shape {list(values.shape)}, not {port.onnx_shape}")
                streams[port.name][n] = port.to_stream(values)[0]
        for port in self.ports if check else ():
            check_finite(port, streams[port.name])
        return streams


def _typed(name: str, values: npt.NDArray[np.generic], kind: type[np.integer] | None) -> npt.NDArray[np.generic]:
    """Return ``values`` of an input as the model takes them: whole numbers where ``kind`` is a type of integers.

    Raises:
        ModelError: they are none.
    """
    if kind is None or values.dtype == kind:
        return values
    whole = values.astype(kind)
    if (whole != values).any():
        wrong = values[whole != values][0]
        raise ModelError(
            f"takes whole numbers, such as labels, and gets {wrong:g}",
            where=f"input {name!r}",
            hint="give inputs of your own with --calibration: an .npz with an array for each input",
        )
    return whole


def check_finite(port: Port, stream: Float32Array) -> None:
    """Check what the model makes of its inputs.

    Raises:
        ModelError: NaN or infinite values.
    """
    bad = int(stream.size - np.count_nonzero(np.isfinite(stream)))
    if bad:
        raise ModelError(
            f"makes {bad} NaN or infinite values in {len(stream)} frames",
            where=f"tensor {port.onnx_name!r}",
            hint="keep Log, Sqrt, Pow, Exp and divisions within what they are defined for, by a Clip before them; or "
            "give inputs of your own with --calibration",
        )


def _refusal(what: str, error: Exception | None = None) -> ModelError:
    """Return the error that ONNX Runtime and the model do not go together, at the node that its message names."""
    text = " ".join(str(error).split()) if error is not None else ""
    node = next((match[1] for pattern in _NODE_NAMES if (match := pattern.search(text))), None)
    return ModelError(
        f"ONNX Runtime {onnxruntime.__version__} {what}{f': {text[-400:]}' if text else ''}",
        where="" if node is None else f"node {node!r}",
        hint="correct or replace that node until onnxruntime.InferenceSession(PATH).run(None, ...) takes the file",
    )


def probes(graph: Graph) -> tuple[Port, ...]:
    """Return a port per layer, named after the layer, that reads its float value."""
    return tuple(
        Port(layer.name, layer.probe.onnx_name, layer.probe.onnx_shape, layer.shape, layer.probe.order)
        for layer in graph.layers
    )


def frame_limit(graph: Graph, frames: int) -> int:
    """Return how many of ``frames`` calibration may use, within bounds of memory and time."""
    values = sum(int(np.prod(layer.shape)) for layer in graph.layers)
    macs = sum(op.geometry.useful_macs for _, op in linear_layers(graph))
    affordable = min(_VALUE_LIMIT // max(1, values), _MAC_LIMIT // max(1, macs))
    return min(frames, max(_LEAST_FRAMES, affordable))
