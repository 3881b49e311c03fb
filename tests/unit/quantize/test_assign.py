"""Patterns of the config: literal names first, then globs, later ones over earlier ones; none may match nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gan2hls.base.errors import ConfigError
from gan2hls.config.patterns import named
from gan2hls.config.schema import Config, parse_config
from gan2hls.flow.from_config import assign_folding
from gan2hls.hardware import FoldingRequest
from gan2hls.model import Graph, Layer
from gan2hls.ops import Linear
from gan2hls.quantize.assign import assign_precision
from tests.randomized import conv, port

SOURCES = ("/net/up[0]/ConvTranspose + /net/up[0]/Relu", "/net/up[1]/ConvTranspose", "model/conv2d/Conv2D:0")
G = conv((4, 4), 2, 2)
GRAPH = Graph(
    "g",
    (port("z", G.in_shape),),
    tuple(
        Layer(
            f"l{n}_conv",
            source,
            ("z",),
            G.out_shape,
            Linear("conv", G, np.zeros(G.weight_shape)),
            (),
            port("y", G.out_shape),
        )
        for n, source in enumerate(SOURCES)
    ),
    (),
)


def weights(layers: dict[str, object], **rest: object) -> list[str]:
    found = assign_precision(GRAPH, parse_config({"layers": layers, **rest}))
    return [str(found[layer.name].weight) for layer in GRAPH.layers]


def only(weight: str) -> dict[str, object]:
    return {"precision": {"weight": weight}}


def test_without_patterns_all_layers_have_the_default() -> None:
    assert weights({}) == ["int8"] * 3
    assert weights({}, precision={"weight": "fixed<6,1>"}) == ["fixed<6,1>"] * 3


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("l1_conv", "848"),
        ("l?_conv", "444"),
        ("*", "444"),
        ("/net/up[1]/ConvTranspose", "848"),  # as it stands, although [1] is a set in a glob
        ("/net/up[0]/ConvTranspose", "488"),  # one of the nodes that a layer came from
        ("/net/up[0]/Relu", "488"),
        ("/net/*/ConvTranspose", "448"),
        ("model/conv2d/*", "884"),
        ("l[02]_conv", "484"),
        ("/net/up[[]1]/*", "848"),
    ],
)
def test_what_a_pattern_matches(pattern: str, expected: str) -> None:
    assert weights({pattern: only("int4")}) == [f"int{bits}" for bits in expected]


def test_case_matters() -> None:
    with pytest.raises(ConfigError):
        weights({"L1_CONV": only("int4")})


def test_a_later_match_overrides_key_by_key() -> None:
    layers = {
        "*": {"precision": {"weight": "int4", "activation": "int6"}},
        "l1_conv": {"precision": {"weight": "int3"}},
    }
    found = assign_precision(GRAPH, parse_config({"layers": layers}))
    assert [str(found[layer.name].weight) for layer in GRAPH.layers] == ["int4", "int3", "int4"]
    assert [str(found[layer.name].activation) for layer in GRAPH.layers] == ["int6"] * 3
    turned = assign_precision(GRAPH, parse_config({"layers": dict(reversed(layers.items()))}))
    assert str(turned["l1_conv"].weight) == "int4"


def test_inputs_have_a_precision_of_their_own() -> None:
    assert str(assign_precision(GRAPH, parse_config({}))["z"].activation) == "int8"
    own = parse_config({"precision": {"activation": "int6", "input": "int12"}})
    assert str(assign_precision(GRAPH, own)["z"].activation) == "int12"
    without = parse_config({"precision": {"activation": "int6"}, "layers": {"*": only("int4")}})
    assert str(assign_precision(GRAPH, without)["z"].activation) == "int6"


@pytest.mark.parametrize("pattern", ["l3_conv", "conv", "/net/up[2]/*", "", "z", "l1_conv "])
def test_a_pattern_without_a_match_is_an_error(pattern: str) -> None:
    with pytest.raises(ConfigError, match="matches no layer") as found:
        weights({"l0_conv": only("int4"), pattern: only("int4")})
    assert found.value.where == f"layers.{pattern}"
    assert all(layer.name in found.value.hint and layer.source in found.value.hint for layer in GRAPH.layers)


def folding(config: Config) -> list[FoldingRequest]:
    return list(assign_folding({layer.name: layer.source for layer in GRAPH.layers}, config).values())


def test_foldings_follow_the_same_patterns() -> None:
    config = parse_config({"layers": {"/net/*": {"pe": 2}, "l1_conv": {"simd": 1, "lanes": 2}}, "target": {"simd": 4}})
    assert folding(config) == [FoldingRequest(2, 4), FoldingRequest(2, 1, 2), FoldingRequest(None, 4)]


@pytest.mark.parametrize(("source", "text"), [("a + b", "l0 (a + b)"), ("", "l0"), (" + ", "l0"), ("a + ", "l0 (a)")])
def test_messages_name_nodes_that_have_names(source: str, text: str) -> None:
    assert named("l0", source) == text
