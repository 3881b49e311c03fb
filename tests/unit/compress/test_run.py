"""gan2hls compress: every format through every operator, written, read back and recognized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from gan2hls import frontend, passes
from gan2hls.base.errors import ConfigError
from gan2hls.compress import compress
from gan2hls.compress.recipe import Recipe
from gan2hls.compress.weight_origin import trace
from gan2hls.config.schema import validate
from gan2hls.detect.split import find_structure
from gan2hls.fit.sensitivity import find_sensitivity
from gan2hls.formats.precision import Precision
from gan2hls.model.ir import Graph
from gan2hls.quantize.float_runs import FloatModel
from tests.onnx_models import make_model
from tests.sampling import sampled
from tests.tiny_onnx import save_tiny

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
R = np.random.default_rng(5)
FORMATS = ["binary", "ternary", "codebook<6>", "codebook<16,10>", "int4", "int8", "int11", "fixed<6,2>", "flex<7,4>"]

IMAGE = """
    a = Gemm <alpha = 0.5, beta = 2.0> (x, w0, b0)
    b = Reshape (a, shape)
    c = ConvTranspose <group = 2, strides = [2, 2], pads = [1, 1, 1, 1]> (b, w1)
    d = BatchNormalization (c, one, zero, zero, one)
    e = Relu (d)
    f = Conv <group = 2, pads = [1, 1, 1, 1]> (e, w2, b2)
    h = LeakyRelu (f)
    k = Conv (h, w3)
    y = Tanh (k)
"""


def f32(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)


def image_model(opset: int = 17) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    constants = {
        "w0": f32(rng.normal(0, 0.3, (24, 36))),
        "b0": f32(rng.normal(size=36)),
        "shape": np.array([1, 4, 3, 3]),
        "w1": f32(rng.normal(0, 0.3, (4, 8, 4, 4))),
        "one": np.ones(16, np.float32),
        "zero": np.zeros(16, np.float32),
        "w2": f32(rng.normal(0, 0.2, (6, 8, 3, 3))),
        "b2": f32(rng.normal(size=6)),
        "w3": f32(rng.normal(0, 0.3, (3, 6, 3, 3))),
    }
    return make_model(IMAGE, [1, 24], constants, opset=opset)


def mlp_model(opset: int = 17) -> onnx.ModelProto:
    """Return a model with MatMul from both sides, without biases."""
    body = """
        t = Transpose (w0)
        a = MatMul (x, t)
        b = Relu (a)
        c = Reshape (b, column)
        d = MatMul (w1, c)
        e = Reshape (d, row)
        y = Gemm <transB = 1> (e, w2)
    """
    rng = np.random.default_rng(0)
    constants = {
        "w0": f32(rng.normal(size=(24, 16))),
        "w1": f32(rng.normal(size=(20, 24))),
        "w2": f32(rng.normal(size=(9, 20))),
        "column": np.array([24, 1]),
        "row": np.array([1, 20]),
    }
    return make_model(body, [1, 16], constants, opset=opset)


def run(tmp_path: Path, model: onnx.ModelProto, **rules: object) -> tuple[onnx.ModelProto, Graph]:
    """Compress ``model`` and return the written one and its graph after the passes."""
    onnx.save(model, tmp_path / "m.onnx")
    recipe = validate(Recipe, {"calibration": {"samples": 64}, "layers": rules}, where="test")
    compress(tmp_path / "m.onnx", recipe, tmp_path / "s.onnx")
    return onnx.load(tmp_path / "s.onnx"), passes.run(frontend.load(tmp_path / "s.onnx").graph)


def test_weights_behind_an_upsampling_are_those_of_the_file(tmp_path: Path) -> None:
    """A build would sum them; their codes are found again, and then it does not."""
    rng = np.random.default_rng(3)
    body = 'u = Resize<mode = "nearest">(x, , s) c = Conv<pads = [1, 1, 1, 1]>(u, w) y = Relu(c)'
    constants = {"s": np.array([1, 1, 2, 2], np.float32), "w": rng.normal(size=(8, 8, 3, 3)).astype(np.float32)}
    model = make_model(body, [1, 8, 4, 4], constants)
    _, graph = run(tmp_path, model, **{"*": {"weight": "int4"}})
    (layer,) = graph.layers
    assert layer.op.structure is not None and layer.op.structure.weight is not None and layer.op.kind != "pointwise"
    assert layer.op.geometry.kernel == (3, 3) and layer.op.structure.weight.precision == "int4"


def outputs(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": row[None]})[0] for row in x])


@pytest.mark.parametrize(
    ("fmt", "opset"),
    [(f, 17) for f in FORMATS]
    + sampled([(f, n) for n in (9, 23, 12, 21) for f in ("codebook<6>", "int4", "int11")], 6),
)
def test_every_format_is_recognized_and_runs(tmp_path: Path, fmt: str, opset: int) -> None:
    model, graph = run(tmp_path, image_model(opset), **{"*": {"weight": fmt}})
    wanted = Precision.parse(fmt)
    codec = wanted.kind if wanted.kind in ("binary", "ternary", "codebook") else "raw"
    for layer in graph.layers:
        assert layer.op.kind != "pointwise" and layer.op.structure is not None, layer.name
        found = layer.op.structure
        assert found.exact and (codec == "raw" or found.weight.codec == codec), (layer.name, found.weight.precision)
        if codec == "codebook":
            assert len(np.unique(found.weight.values)) <= wanted.centroids
            assert found.weight.type.bits <= wanted.bits
        elif wanted.kind in ("int", "fixed", "flex"):
            assert np.abs(found.weight.values).max() <= 1 << (wanted.bits - 1)
    x = f32(np.random.default_rng(1).normal(size=(16, 24)))
    before, after = outputs(image_model(opset), x), outputs(model, x)
    floor = {"binary": 5, "ternary": 8, "int8": 30, "int11": 45}.get(fmt, 12)
    assert 10 * np.log10(np.square(before).mean() / np.square(after - before).mean()) > floor


@pytest.mark.parametrize("fmt", ["ternary", "codebook<8>", "int4"])
def test_the_folded_values_betray_the_codes_that_were_solved(tmp_path: Path, fmt: str) -> None:
    """What ``find_structure`` sees are the codes of the solution, but for a factor that all codes of a scale share."""
    from gan2hls.compress.onnx_writer import real_values
    from gan2hls.fit.reconstruct import LayerProblem
    from gan2hls.fit.statistics import measure

    onnx.save(image_model(), tmp_path / "m.onnx")
    loaded = frontend.load(tmp_path / "m.onnx")
    graph, origins = passes.run_traced(loaded.graph)
    places = trace(loaded, graph, origins)
    for layer in graph.layers:
        assert layer.op.kind != "pointwise" and layer.op.kind != "pointwise"
        x = np.random.default_rng(2).normal(size=(40, *layer.op.geometry.in_shape))
        solved = LayerProblem(layer.op.geometry, layer.op.weight, measure(layer.op.geometry, layer.op.weight, x, x))
        weight = solved.solve(Precision.parse(fmt)).weight
        assert weight is not None
        found = find_structure(real_values(places[layer.name], weight))
        assert found is not None
        for c in range(layer.op.geometry.out_channels):
            ours, theirs = weight.values[:, c].ravel(), found.weight.values[:, c].ravel()
            at = np.abs(theirs).argmax()
            factor = ours[at] / theirs[at]
            assert factor > 0 and np.array_equal(theirs * factor, ours)


@pytest.mark.parametrize("fmt", ["ternary", "codebook<4>", "int6"])
def test_matmul_gets_a_bias_and_keeps_its_side(tmp_path: Path, fmt: str) -> None:
    model, graph = run(tmp_path, mlp_model(), **{"*": {"weight": fmt}})
    assert [node.op_type for node in model.graph.node].count("Add") == 2
    assert all(layer.op.structure is not None for layer in graph.layers)
    assert "Transpose" not in [node.op_type for node in model.graph.node]  # of the old weight
    x = f32(np.random.default_rng(3).normal(size=(64, 16)))
    before, after = outputs(mlp_model(), x), outputs(model, x)
    bound = np.sqrt(np.square(after - before).mean())
    assert np.abs((after - before).mean(axis=0)).max() < bound  # the means have been corrected


def test_bias_correction_takes_out_the_mean_error(tmp_path: Path) -> None:
    data = f32(np.random.default_rng(3).normal(1, 1, size=(64, 16)))
    np.save(tmp_path / "x.npy", data)
    onnx.save(mlp_model(), tmp_path / "m.onnx")
    means = []
    for effort in ("none", "bias"):
        rules = {"*": {"weight": "ternary", "reconstruct": effort}}
        given = {"calibration": {"data": str(tmp_path / "x.npy"), "samples": 64}, "layers": rules}
        compress(tmp_path / "m.onnx", validate(Recipe, given, where="test"), tmp_path / "s.onnx")
        error = outputs(onnx.load(tmp_path / "s.onnx"), data) - outputs(mlp_model(), data)
        means.append(np.abs(error.mean(axis=0)).max())
    assert means[0] > 0.1 and means[1] < 1e-4


def test_four_bit_codes_are_packed_from_opset_21_on(tmp_path: Path) -> None:
    model, _ = run(tmp_path, image_model(21), **{"*": {"weight": "int4"}, "l3_conv": {"weight": "codebook<8>"}})
    kinds = [tensor.data_type for tensor in model.graph.initializer]
    assert kinds.count(TensorProto.INT4) == 3 and kinds.count(TensorProto.UINT4) == 1
    model, _ = run(tmp_path, image_model(20), **{"*": {"weight": "int4"}})
    assert TensorProto.INT4 not in [tensor.data_type for tensor in model.graph.initializer]


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    before = image_model()
    before.producer_name, before.graph.doc_string = "somebody", "a generator"
    before.metadata_props.add(key="licence", value="mine")
    model, _ = run(tmp_path, before, l2_conv={"weight": "ternary"})
    assert (model.producer_name, model.graph.doc_string) == ("somebody", "a generator")
    assert [(p.key, p.value) for p in model.metadata_props] == [("licence", "mine")]
    old = {tensor.name: tensor for tensor in before.graph.initializer}
    new = {tensor.name: tensor for tensor in model.graph.initializer}
    assert set(old) - set(new) == {"w2", "b2"}
    for name in set(old) & set(new):
        assert np.array_equal(numpy_helper.to_array(old[name]), numpy_helper.to_array(new[name]))
    kept = [node for node in model.graph.node if node.op_type != "DequantizeLinear"]
    assert [node.name for node in kept] == [node.name for node in before.graph.node]


def test_shared_weights_part_ways(tmp_path: Path) -> None:
    body = "a = Gemm (x, w) b = Relu (a) y = Gemm (b, w)"
    model = make_model(body, [1, 24], {"w": f32(R.normal(size=(24, 24)))})
    made, graph = run(tmp_path, model, l0_dense={"weight": "ternary"}, l1_dense={"weight": "int6"})
    assert [layer.op.structure.weight.codec for layer in graph.layers if layer.op.structure] == ["ternary", "raw"]
    made, _ = run(tmp_path, model, l0_dense={"weight": "ternary"})
    assert "w" in {tensor.name for tensor in made.graph.initializer}


def test_pruned_blocks_and_filters_are_gone(tmp_path: Path) -> None:
    prune = {"method": "block", "sparsity": 0.5, "block": [3, 2]}
    _, graph = run(tmp_path, image_model(), l2_conv={"weight": "ternary", "prune": prune})
    weight = graph.layers[2].op.weight
    assert weight is not None
    blocks = weight.reshape(9, 2, 3, 4, 2)
    assert np.isclose((blocks == 0).all(axis=(2, 4)).mean(), 0.5, atol=0.05)
    made, graph = run(tmp_path, image_model(), l2_conv={"prune": {"method": "filter", "sparsity": 0.34}})
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    dead = ~weights["w2.pruned"].any(axis=(1, 2, 3))
    assert np.count_nonzero(dead) == 2


def test_pruned_blocks_may_span_groups(tmp_path: Path) -> None:
    """Four channels of a depthwise layer, as an engine of PE 4 works on and skips them."""
    rng = np.random.default_rng(0)
    constants = {"w": f32(rng.normal(size=(8, 1, 3, 3)))}
    model = make_model("a = Conv<group = 8, pads = [1, 1, 1, 1]>(x, w) y = Relu(a)", [1, 8, 6, 6], constants)
    prune = {"method": "block", "sparsity": 0.5, "block": [4, 1]}
    _, graph = run(tmp_path, model, **{"*": {"prune": prune}})
    weight = graph.layers[0].op.weight
    assert weight is not None
    assert (weight.reshape(9, 2, 4) == 0).all(axis=2).sum() == 9 and np.count_nonzero(weight) == 36
    with pytest.raises(ConfigError, match="a block of 3 x 1 does not fit 8 output channels"):
        run(tmp_path, model, **{"*": {"prune": prune | {"block": [3, 1]}}})


def test_readers_of_dead_filters_let_go_of_them(tmp_path: Path) -> None:
    rules = {"l2_conv": {"prune": {"method": "filter", "sparsity": 0.34}}, "l3_conv": {"weight": "ternary"}}
    made, _ = run(tmp_path, image_model(), **rules)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    dead = ~weights["w2.pruned"].any(axis=(1, 2, 3))
    assert not weights["w3.codes"][:, dead].any()


def test_a_layer_of_which_nothing_is_left_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    onnx.save(image_model(), tmp_path / "m.onnx")
    rule = {"weight": "ternary", "prune": {"method": "magnitude", "sparsity": 1.0}}
    recipe = validate(Recipe, {"calibration": {"samples": 64}, "layers": {"l2_conv": rule}}, where="test")
    made = compress(tmp_path / "m.onnx", recipe, tmp_path / "s.onnx")
    assert [record.getMessage() for record in caplog.records] == ["l2_conv: all of its weights become 0"]
    assert [(layer.found, layer.sparsity, layer.ratio) for layer in made.layers] == [("zeros", 1.0, 32.0)]


def test_formats_that_too_few_weights_betray_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """First the scale per channel goes; what nothing tells from plain floats is said too."""
    model = make_model("y = Gemm (x, w)", [1, 3], {"w": f32(np.random.default_rng(3).normal(size=(3, 2)))})
    run(tmp_path, model, **{"*": {"weight": "int8"}})
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith("l0_dense: too few weights a channel to recognize a scale each")
    caplog.clear()
    _, graph = run(tmp_path, model, **{"*": {"weight": "codebook<4>", "scale": "tensor"}})
    (message,) = (record.getMessage() for record in caplog.records)
    assert message == "l0_dense: a build will not recognize codebook<4> in its values"
    (layer,) = graph.layers
    assert layer.op.structure is None or layer.op.structure.weight.codec != "codebook"


def test_books_of_more_centroids_than_16_bits_count(tmp_path: Path) -> None:
    weight = f32(np.random.default_rng(0).normal(size=(600, 300)))
    rule = {"weight": "codebook<256,12>", "books": "channel", "reconstruct": "none"}
    model, _ = run(tmp_path, make_model("y = Gemm (x, w)", [1, 600], {"w": weight}), **{"*": rule})
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    assert tensors["w.centroids"].dims[0] > 1 << 16
    assert tensors["w.indices"].data_type == TensorProto.INT32


def test_it_is_deterministic(tmp_path: Path) -> None:
    rules = {"*": {"weight": "codebook<5>"}}
    first, second = (run(tmp_path, image_model(), **rules)[0].SerializeToString() for _ in range(2))
    assert first == second


def test_reconstruction_pays_over_the_whole_network(tmp_path: Path) -> None:
    onnx.save(image_model(), tmp_path / "m.onnx")
    found = []
    for effort in ("none", "full"):
        rules = {"*": {"weight": "ternary", "reconstruct": effort}}
        recipe = validate(Recipe, {"calibration": {"samples": 256}, "layers": rules}, where="test")
        found.append(compress(tmp_path / "m.onnx", recipe, tmp_path / "s.onnx").psnr_db)
    assert found[1] > found[0] + 2


@pytest.mark.parametrize("samples", [16, 64])
def test_few_samples_do_no_harm(tmp_path: Path, samples: int) -> None:
    """Fewer frames than a layer has inputs: chance correlations must not be fitted."""
    body = "a = MatMul (x, w0) b = Relu (a) c = MatMul (b, w1) d = Relu (c) e = MatMul (d, w2) y = Tanh (e)"
    sizes = (64, 128, 128, 64)
    constants = {f"w{n}": f32(R.normal(0, sizes[n] ** -0.5, (sizes[n], sizes[n + 1]))) for n in range(3)}
    onnx.save(make_model(body, [1, 64], constants), tmp_path / "m.onnx")
    found = []
    for effort in ("none", "full"):
        rules = {"*": {"weight": "codebook<16>", "reconstruct": effort}}
        recipe = validate(Recipe, {"calibration": {"samples": samples}, "layers": rules}, where="test")
        found.append(compress(tmp_path / "m.onnx", recipe, tmp_path / "s.onnx").psnr_db)
    assert found[1] > found[0]


def test_sensitivities_are_squared_gradients(tmp_path: Path) -> None:
    """The expected square of the output's change, by nudging one sum at a time through the float model."""
    body = "a = Gemm (x, w0) b = Tanh (a) c = Reshape (b, s) d = ConvTranspose <strides = [2, 2]> (c, w1) y = Tanh (d)"
    constants = {"w0": f32(R.normal(size=(4, 12))), "s": np.array([1, 3, 2, 2]), "w1": f32(R.normal(size=(3, 2, 3, 3)))}
    model = make_model(body, [1, 4], constants)
    onnx.save(model, tmp_path / "m.onnx")
    graph = passes.run(frontend.load(tmp_path / "m.onnx").graph)
    x = f32(np.random.default_rng(0).normal(0, 0.3, size=(4000, 4)))
    first = np.tanh(x @ constants["w0"])
    streams = {port.name: port.to_stream(x) for port in graph.inputs}
    loaded = frontend.load(tmp_path / "m.onnx")
    ports = [layer.probe for layer in graph.layers]
    streams |= FloatModel(loaded.onnx_model, ports).run({"x": x})
    found = {name: one.places for name, one in find_sensitivity(graph, streams).items()}
    weight = constants["w1"]
    expected = np.zeros((4000, 3, 2, 2))
    inner = first.reshape(4000, 3, 2, 2)
    slopes = 1 - np.square(outputs(model, x))
    for ky in range(3):
        for kx in range(3):
            for iy in range(2):
                for ix in range(2):
                    at = np.square(slopes[:, :, 2 * iy + ky, 2 * ix + kx])  # [N, 2]
                    expected[:, :, iy, ix] += at @ np.square(weight[:, :, ky, kx]).T
    expected *= np.square(1 - np.square(inner))
    order = graph.layers[0].probe.order
    mean = expected.reshape(4000, -1)[:, order].mean(axis=0)
    got = found[graph.layers[0].name].reshape(4000, -1).mean(axis=0)
    assert np.corrcoef(mean, got)[0, 1] > 0.97
    assert np.isclose(got.mean(), 1)


def test_tiny_generator_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from gan2hls.cli import commands as cli

    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / "tiny.onnx", batch="N")
    Path("r.yaml").write_text("layers: {'*': {weight: codebook<8>}}\ncalibration: {samples: 32}\n")
    result = CliRunner().invoke(cli.app, ["compress", "tiny.onnx", "-r", "r.yaml", "-o", "small.onnx"])
    assert result.exit_code == 0, result.stderr
    assert "l0_dense" in result.stdout and "codebook<8>" in result.stdout and "PSNR" in result.stdout
    small = onnx.load("small.onnx")
    assert small.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
