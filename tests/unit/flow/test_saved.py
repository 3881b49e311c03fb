from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan2hls.base.errors import ModelError
from gan2hls.flow.arrays import dump_arrays, load_arrays
from gan2hls.flow.saved import DESIGN_JSON, MODEL_JSON, MODEL_NPZ
from gan2hls.flow.saved_design import dump_design, load_design
from gan2hls.flow.saved_model import dump_model, load_model
from gan2hls.hardware import TURNS, Design, design_resources
from gan2hls.kinds import KINDS
from gan2hls.model import IntegerModel
from gan2hls.model.golden import Golden
from gan2hls.model.origin import Origin
from tests import randomized
from tests.random_integer_graphs import maps_away, norm_design, random_graph, random_graph_design, u_net_design
from tests.shared_engines import some_shared_design

ORIGIN = Origin(sha256="0" * 64, params=7)
DESIGN = randomized.tiny_design()
FILES = dump_model(DESIGN.model, ORIGIN)


def load(json_bytes: bytes = FILES[MODEL_JSON], npz_bytes: bytes = FILES[MODEL_NPZ]) -> Any:
    return load_model(json_bytes, npz_bytes)[0]


@pytest.mark.parametrize(
    ("seed", "model"),
    [*((seed, randomized.tiny_design(seed).model) for seed in range(3)), (14, random_graph(14, norms=True))],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_model_round_trip_is_exact(seed: int, model: IntegerModel) -> None:
    files = dump_model(model, ORIGIN)
    again, origin = load_model(files[MODEL_JSON], files[MODEL_NPZ])
    assert origin == ORIGIN
    assert dump_model(again, origin) == files
    inputs = randomized.random_inputs(np.random.default_rng(seed), model, 2)
    expected, found = Golden(model).run(inputs), Golden(again).run(inputs)
    assert expected.keys() == found.keys()
    for name, codes in expected.items():
        assert np.array_equal(codes, found[name])


def scaled_model() -> Any:
    """One layer with block-scaled weights."""
    rng = np.random.default_rng(0)
    int8 = DESIGN.model.input_types[0]
    layer = randomized.linear_layer(rng, "l0", "z", randomized.dense(40, 12), int8, codec="blockscale", scaled=16)
    return randomized.chain("scaled", (1, 1, 40), int8, [layer])


def test_factors_of_blocks_come_back() -> None:
    model = scaled_model()
    files = dump_model(model, ORIGIN)
    again = load(files[MODEL_JSON], files[MODEL_NPZ])
    weight, found = model.layers[0].op.weight, again.layers[0].op.weight
    assert found.block == weight.block == 16 and np.array_equal(found.factors, weight.factors)
    assert dump_model(again, ORIGIN) == files


def test_where_ties_go_comes_back() -> None:
    (layer,) = scaled_model().layers
    made = replace(
        layer,
        input_types=(replace(layer.input_type, ties="even"),),
        output_type=replace(layer.output_type, ties="odd"),
        requant=replace(layer.requant, half_even=True),
    )
    files = dump_model(randomized.chain("ties", (1, 1, 40), made.input_type, [made]), ORIGIN)
    (found,) = load(files[MODEL_JSON], files[MODEL_NPZ]).layers
    assert found.requant.half_even and (found.input_type.ties, found.output_type.ties) == ("even", "odd")


def test_models_that_branch_come_back() -> None:
    """Every kind without weights among their layers."""
    seen: set[str] = set()
    for seed in range(16):
        ways = {"norms": seed % 4 == 0, "crops": seed % 4 == 1, "selects": seed % 4 == 2, "rearranges": seed % 4 == 3}
        model = random_graph(seed, **ways)
        files = dump_model(model, ORIGIN)
        again = load(files[MODEL_JSON], files[MODEL_NPZ])
        assert dump_model(again, ORIGIN) == files
        codes = randomized.random_inputs(np.random.default_rng(seed), model, 2)
        made, found = Golden(model).run(codes), Golden(again).run(codes)
        assert all(np.array_equal(values, found[name]) for name, values in made.items())
        seen |= {layer.op.kind for layer in model.layers}
    assert {kind.name for kind in KINDS if kind.saved is not None} <= seen


def test_sums_that_were_saved_before_vectors_are_read() -> None:
    model = next(model for model in map(random_graph, range(16)) if model.layers[-1].op.kind == "add")
    files = dump_model(model, ORIGIN)
    tree = json.loads(files[MODEL_JSON])
    assert tree["model"]["layers"][-1]["op"]["parameters"].pop("spread") == ""
    assert load(json.dumps(tree).encode(), files[MODEL_NPZ]).layers[-1].op == model.layers[-1].op


@pytest.mark.parametrize("how", ["block", "codec", "missing", "zero", "other"])
def test_factors_that_do_not_fit_are_refused(how: str) -> None:
    files = dump_model(scaled_model(), ORIGIN)
    arrays, tree = load_arrays(files[MODEL_NPZ]), json.loads(files[MODEL_JSON])
    factors = arrays["l0.weight.factors"]
    match how:
        case "block":
            tree["model"]["layers"][0]["op"]["weight"]["block"] = 8
        case "codec":
            tree["model"]["layers"][0]["op"]["weight"]["codec"] = "raw"
        case "missing":
            del arrays["l0.weight.factors"]
        case "zero":
            arrays["l0.weight.factors"] = factors * 0
        case _:
            arrays["l0.weight.factors"] = factors + 1
    with pytest.raises(ModelError, match="saved stage is broken"):
        load(json.dumps(tree).encode(), dump_arrays(arrays))


def test_round_trip_of_a_layer_whose_output_the_model_crops() -> None:
    last = DESIGN.model.layers[-1]
    probe = replace(last.probe, onnx_shape=(1, last.probe.order.size + 5), order=last.probe.order + 3)
    model = replace(DESIGN.model, layers=(*DESIGN.model.layers[:-1], replace(last, probe=probe)))
    files = dump_model(model, ORIGIN)
    assert np.array_equal(load(files[MODEL_JSON], files[MODEL_NPZ]).layers[-1].probe.order, probe.order)


@pytest.mark.parametrize("order", ["repeated", "beyond", "negative", "real"])
def test_a_stream_order_must_name_elements_of_the_tensor(order: str) -> None:
    last = DESIGN.model.layers[-1]
    good = last.probe.order
    bad = {"repeated": good * 0, "beyond": good + 1, "negative": good - 1, "real": good.astype(float)}[order]
    model = replace(
        DESIGN.model, layers=(*DESIGN.model.layers[:-1], replace(last, probe=replace(last.probe, order=bad)))
    )
    files = dump_model(model, ORIGIN)
    with pytest.raises(ModelError):
        load(files[MODEL_JSON], files[MODEL_NPZ])


def test_design_round_trip_is_exact() -> None:
    files = dump_design(DESIGN)
    again = load_design(load(), files[DESIGN_JSON])
    assert dump_design(again) == files
    for mine, other in zip(DESIGN.engines, again.engines, strict=True):
        assert (mine.folding, mine.rows) == (other.folding, other.rows)
        assert mine.encoded is not None and other.encoded is not None
        assert np.array_equal(mine.encoded.memories[0].words, other.encoded.memories[0].words)


def test_queues_and_maps_that_are_off_chip_come_back() -> None:
    made = maps_away(random_graph_design(2, norms=True), 64)
    file = dump_design(made)[DESIGN_JSON]
    again = load_design(made.model, file)
    assert dump_design(again)[DESIGN_JSON] == file
    assert made.memory is not None and again.memory is not None
    assert again.memory.rings == made.memory.rings and len(made.memory.rings) > 2
    tree = json.loads(file)
    engine = next(engine for engine in tree["engines"] if engine["bus_bits"])
    for wrong in (48, 128, -64):
        engine["bus_bits"] = wrong
        with pytest.raises(ModelError, match="saved stage is broken"):
            load_design(made.model, json.dumps(tree).encode())


@pytest.mark.parametrize(
    "plain",
    [randomized.off_chip_design(), u_net_design(0, 16), norm_design((16, 16, 8), 8, 8)],
    ids=["weights", "queues", "map"],
)
def test_ultra_rams_come_back(plain: Design) -> None:
    made = randomized.in_ultra(plain)
    file = dump_design(made)[DESIGN_JSON]
    again = load_design(made.model, file)
    assert dump_design(again)[DESIGN_JSON] == file != dump_design(plain)[DESIGN_JSON]
    assert again.ultra == made.ultra and [e.ultra for e in again.engines] == [e.ultra for e in made.engines]
    assert design_resources(again).uram == design_resources(made).uram > 0
    tree = json.loads(file)
    for wrong in (["map", "line_buffer"], ["rom"]):
        tree["engines"][0]["ultra"] = wrong
        with pytest.raises(ModelError, match="saved stage is broken"):
            load_design(made.model, json.dumps(tree).encode())


def test_shared_engines_come_back() -> None:
    """With the queue behind their turns."""
    made = some_shared_design()
    assert any(port == TURNS for _, port in made.depths)
    file = dump_design(made)[DESIGN_JSON]
    again = load_design(made.model, file)
    assert dump_design(again)[DESIGN_JSON] == file and again.shared == made.shared
    assert made.memory is not None and again.memory is not None
    assert again.memory.image() == made.memory.image() and design_resources(again) == design_resources(made)
    tree, (first, second, *_) = json.loads(file), made.shared[0]
    for wrong in ([[first]], [[second, first]], [[first, "l99"]], [[first, second], [first, second]]):
        tree["shared"] = wrong
        with pytest.raises(ModelError, match="saved stage is broken"):
            load_design(made.model, json.dumps(tree).encode())


def test_entropy_codes_come_back() -> None:
    """With their decoders and phrases, of which the bits in memory follow."""
    made = randomized.coded_chain(np.random.default_rng(1), 64, 2, 5, 0.8)
    file = dump_design(made)[DESIGN_JSON]
    again = load_design(made.model, file)
    assert dump_design(again)[DESIGN_JSON] == file
    assert made.memory is not None and again.memory is not None
    assert again.memory.image() == made.memory.image()
    tree = json.loads(file)
    assert [engine["off_chip"]["phrase_symbols"] for engine in tree["engines"]] == [5] * 4
    for wrong in (0, 33):
        tree["engines"][0]["off_chip"]["phrase_symbols"] = wrong
        with pytest.raises(ModelError, match="saved stage is broken"):
            load_design(made.model, json.dumps(tree).encode())


def test_version_1_is_still_read() -> None:
    """There a layer has one input, and geometry and weight beside its kind, or neither."""
    rng = np.random.default_rng(0)
    int8 = DESIGN.model.input_types[0]
    first = randomized.linear_layer(rng, "l0", "z", randomized.dense(6, 8), int8)
    second = randomized.pointwise_layer(rng, "l1", "l0", (1, 1, 8), first.output_type)
    files = dump_model(randomized.chain("old", (1, 1, 6), int8, [first, second]), ORIGIN)
    tree = json.loads(files[MODEL_JSON])
    tree["version"] = 1
    for layer in tree["model"]["layers"]:
        op = layer.pop("op")
        layer |= {"kind": op["kind"], "geometry": op.get("geometry"), "weight": op.get("weight")}
        (layer["input_type"],) = layer.pop("input_types")
    again = load(json.dumps(tree).encode(), files[MODEL_NPZ])
    assert dump_model(again, ORIGIN) == files


def edit(path: tuple[str | int, ...], value: Any) -> bytes:
    """The model's JSON with one value changed."""
    tree = json.loads(FILES[MODEL_JSON])
    node = tree
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("model", "name"), '../../x"; DROP'),
        (("model", "name"), "x\n"),
        (("model", "layers", 0, "name"), "../x"),
        (("model", "layers", 0, "inputs"), ["nowhere"]),
        (("model", "layers", 0, "op", "weight", "codec"), "evil"),
        (("model", "layers", 0, "op", "weight", "precision"), "int8; system"),
        (("model", "layers", 0, "acc_type", "bits"), 4),
        (("model", "layers", 0, "requant", "shift"), 63),
        (("model", "layers", 0, "input_types", 0, "scale"), 0.5),
        (("model", "layers", 0, "input_types", 0, "scale"), -1.0),
        (("model", "layers", 1, "op", "geometry", "y", "in_size"), 1),
        (("model", "layers", 1, "op", "geometry", "groups"), 0),
        (("model", "layers", 1, "op", "geometry", "groups"), 5),
        (("model", "inputs", 0, "shape"), [1, 1, 7]),
        (("model", "layers", 0, "op", "kind"), "pointwise"),
        (("model", "layers", 0, "op", "kind"), "evil"),
        (("version",), 3),
        (("format",), "pickle"),
        (("extra",), 1),
    ],
)
def test_edited_models_are_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(ModelError, match="saved stage is broken"):
        load(edit(path, value))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(FILES[MODEL_NPZ]) - 1), st.integers(1, 255), st.sampled_from(["flip", "cut"]))
def test_damaged_arrays_are_refused_or_equal(position: int, flip: int, how: str) -> None:
    raw = bytearray(FILES[MODEL_NPZ])
    if how == "flip":
        raw[position] ^= flip
    else:
        del raw[position:]
    try:
        model = load(npz_bytes=bytes(raw))
    except ModelError:
        return
    assert dump_model(model, ORIGIN) == FILES  # the damage hit bytes that carry nothing


def stored(name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version=(1, 0))
    return content.getvalue()


def test_arrays_that_could_hurt_are_refused() -> None:
    pickled = npy(np.array([{"a": 1}], dtype=object))
    huge = npy(np.zeros(4, np.int8)).replace(b"(4,)", b"(1099511627776,)")
    cases = {
        "compressed": stored("a", npy(np.zeros(4)), zipfile.ZIP_DEFLATED),
        "pickled": stored("a", pickled),
        "huge": stored("a", huge),
        "text": stored("a", npy(np.array(["x"]))),
        "nan": stored("a", npy(np.array([np.nan]))),
        "version": stored("a", b"\x93NUMPY\x02\x00" + npy(np.zeros(1))[8:]),
    }
    for raw in cases.values():
        with pytest.raises(ValueError, match=r"array|header|magic"):
            load_arrays(raw)


def test_array_bytes_do_not_depend_on_order_or_width() -> None:
    a, b = np.arange(5), np.array([1 << 40])
    assert dump_arrays({"a": a, "b": b}) == dump_arrays({"b": b, "a": a.astype(np.int16)})
    loaded = load_arrays(dump_arrays({"a": a, "b": b}))
    assert loaded["a"].dtype == loaded["b"].dtype == np.int64
    assert np.array_equal(loaded["b"], b)


@pytest.mark.parametrize(
    ("key", "value"), [("pe", 5), ("pe", 0), ("lanes", 3), ("rows", 99), ("layer", "l1_conv_transpose")]
)
def test_edited_designs_are_refused(key: str, value: Any) -> None:
    tree = json.loads(dump_design(DESIGN)[DESIGN_JSON])
    tree["engines"][0][key] = value
    with pytest.raises(ModelError, match="saved stage is broken"):
        load_design(DESIGN.model, json.dumps(tree).encode())


def test_a_design_of_another_model_is_refused() -> None:
    tree = json.loads(dump_design(DESIGN)[DESIGN_JSON])
    del tree["engines"][2]
    with pytest.raises(ModelError, match="saved stage is broken"):
        load_design(DESIGN.model, json.dumps(tree).encode())
