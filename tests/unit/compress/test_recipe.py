"""The recipe of ``gan2hls compress``: its schema, its docs, and which rule a layer gets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import onnx
import pytest
import yaml
from jsonschema import Draft202012Validator

from gan2hls import frontend, passes
from gan2hls.compress.recipe import Recipe, assign_rules, load_recipe
from tests.unit.compress.test_run import image_model

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "schemas" / "recipe.schema.json"


def test_later_patterns_override_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "layers": {
                    "*": {"weight": "ternary", "threshold": "twn", "prune": {"method": "magnitude", "sparsity": 0.2}},
                    "l1_*": {"weight": "codebook<4>", "books": "channel"},
                    "l2_conv": {"prune": None, "reconstruct": "bias"},
                    "l3_conv": {"weight": "float", "prune": None},
                }
            }
        )
    )
    onnx.save(image_model(), tmp_path / "m.onnx")
    graph = passes.run(frontend.load(tmp_path / "m.onnx").graph)
    rules = assign_rules({layer.name: layer for layer in graph.layers}, load_recipe(path))
    assert list(rules) == ["l0_dense", "l1_conv_transpose", "l2_conv"]
    assert rules["l0_dense"].fit.threshold == "twn" and rules["l0_dense"].prune is not None
    up = rules["l1_conv_transpose"]
    assert (str(up.weight), up.fit.books, up.fit.scale, up.fit.threshold) == ("codebook<4>", 16, "tensor", "fitted")
    assert rules["l2_conv"].prune is None and rules["l2_conv"].reconstruct == "bias"


@pytest.mark.snapshot
def test_published_schema_is_current() -> None:
    current = json.dumps(Recipe.model_json_schema(), indent=2) + "\n"
    if os.environ.get("GAN2HLS_REWRITE_SNAPSHOTS") == "1":
        SCHEMA.write_text(current)
    assert SCHEMA.read_text() == current, "run make snapshot"
    validator = Draft202012Validator(json.loads(current))
    assert validator.is_valid({"layers": {"*": {"weight": "float", "prune": {"method": "nm", "n": 2, "m": 4}}}})
    for bad in (
        {"layres": {}},
        {"layers": {"*": {"weight": "float16"}}},
        {"layers": {"*": {"prune": {"sparsity": 0.5}}}},
    ):
        assert not validator.is_valid(bad)


def test_every_key_and_rule_is_documented() -> None:
    text = (ROOT / "docs" / "compress.md").read_text()
    schema = Recipe.model_json_schema()
    parts = ("RuleConfig", "PruneConfig")
    keys = {key for part in parts for key in schema["$defs"][part]["properties"]} | set(schema["properties"])
    names = {
        "magnitude",
        "nm",
        "block",
        "channel",
        "filter",
        "similarity",
        "none",
        "bias",
        "full",
        "fitted",
        "twn",
        "max",
    }
    assert not {key for key in keys | names if f"`{key}`" not in text}
