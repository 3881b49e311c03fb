from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gan2hls.base.errors import ConfigError
from gan2hls.config.schema import Config, load_config, merge, parse_config, resolve

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "schemas" / "config.schema.json"
FULL: dict[str, Any] = {
    "precision": {"weight": "int4", "activation": "ufixed<8,0>"},
    "layers": {"l0_*": {"precision": {"weight": "fixed<8,1>"}, "pe": 4, "simd": 8, "lanes": 2}},
    "calibration": {"distribution": "uniform", "low": 0.0, "high": 2, "samples": 16, "seed": 3, "range": "mse"},
    "evaluation": {"samples": 4, "seed": 9},
    "target": {"part": "xck26-sfvc784-2LV-c", "clock_mhz": 250, "fps": 60, "dsp": 100, "pe": None, "simd": None},
    "verify": {"steps": ["float", "csim"], "frames": 2, "hls_tool": "bambu", "seed": 1},
}


def test_defaults_survive_a_round_trip_through_yaml(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(Config().to_yaml())
    assert load_config(path) == Config()


def test_full_config_survives_a_round_trip_through_yaml(tmp_path: Path) -> None:
    config = parse_config(FULL)
    path = tmp_path / "config.yaml"
    path.write_bytes(config.to_yaml())
    assert load_config(path) == config
    assert str(config.precision.activation) == "ufixed<8,0>"


def test_empty_file_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# nothing\n")
    assert load_config(path) == Config()


@pytest.mark.parametrize(
    ("values", "where", "found", "hint"),
    [
        ({"precison": {}}, "precison", "unknown key 'precison'", "did you mean 'precision'"),
        ({"layers": {"l0": {"pee": 3}}}, "layers.l0.pee", "unknown key 'pee'", "did you mean 'pe'"),
        ({"precision": {"weight": "int99"}}, "precision.weight", "not 99", ""),
        ({"precision": {"weight": "uint8"}}, "precision.weight", "'uint8'", ""),
        ({"precision": {"weight": 8}}, "precision.weight", "not 8", ""),
        ({"precision": {"auto": {"candidates": []}}}, "precision.auto.candidates", "must not be empty", "choose from"),
        ({"layers": {"l0": {"pe": 0}}}, "layers.l0.pe", "not 0", "divides"),
        ({"layers": {"l0": {"pe": True}}}, "layers.l0.pe", "not True", ""),
        ({"layers": {"l0": {"pe": "4"}}}, "layers.l0.pe", "not '4'", ""),
        ({"target": {"fps": -1}}, "target.fps", "not -1", ""),
        ({"target": {"fps": float("nan")}}, "target.fps", "must be a finite number, not nan", ""),
        ({"target": {"clock_mhz": "fast"}}, "target.clock_mhz", "not 'fast'", ""),
        ({"target": {"part": 7}}, "target.part", "not 7", "such as xc7z020clg400-1"),
        ({"target": {"clock_mhz": 0}}, "target.clock_mhz", "not 0", "Clock in MHz. Legal: numbers from 1 to 2000."),
        ({"target": {"fps": float("inf")}}, "target.fps", "must be a finite number, not inf", "above 0 to 1000000000"),
        ({"target": {"simd": 0}}, "target.simd", "not 0", "Legal: whole numbers from 1 to 4096, or null."),
        ({"calibration": {"mean": float("nan")}}, "calibration.mean", "must be a finite number", "Legal: numbers."),
        ({"calibration": {"std": "wide"}}, "calibration.std", "not 'wide'", "Legal: numbers above 0 to 1000000000."),
        ({"target": 3}, "target", "must be a mapping, not 3", ""),
        ({"verify": {"steps": ["flaot"]}}, "verify.steps[0]", "not 'flaot'", ""),
        ({"verify": {"steps": ["float", "float"]}}, "verify", "repeat", ""),
        ({"verify": {"frames": 0}}, "verify.frames", "not 0", ""),
        ({"calibration": {"low": 2}}, "calibration", "low must be less than high", ""),
        ({"calibration": {"std": 0}}, "calibration.std", "not 0", ""),
        ({"calibration": {"range": "best"}}, "calibration.range", "'auto', 'minmax', 'percentile' or 'mse'", ""),
    ],
)
def test_errors_name_the_key_the_value_and_what_is_legal(
    values: dict[str, Any], where: str, found: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(values, where="c.yaml")
    assert caught.value.where == f"c.yaml: {where}"
    assert found in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint or found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "not valid YAML"),
        ("- 1", "must be a mapping"),
        ("precision: {weight: int8}\nprecision: {weight: int4}\n", "'precision' repeats"),
        ("1: 2", "keys must be text"),
        ("target: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("a: &x [*x]", "an alias stands inside of what it names"),
        (
            "\n".join(
                f"{a}: &{a} [{', '.join([f'*{b}'] * 9) if b.strip() else 0}]" for b, a in pairwise(" abcdefghijk")
            ),
            "aliases make more than",
        ),
        ("[" * 1500, "not valid YAML"),
    ],
)
def test_broken_yaml_is_a_config_error(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_config(path)


def test_a_long_wrong_value_is_shown_in_part() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"layers": ["x" * 1000] * 1000}, where="c.yaml")
    assert len(caught.value.message) < 200 and "..." in caught.value.message


def test_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(tmp_path / "none.yaml")


def test_data_is_relative_to_the_config_and_written_relative_to_the_project(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "c.yaml"
    path.write_text("calibration: {data: latents.npy}\n")
    config = load_config(path)
    assert config.calibration.data == tmp_path / "in" / "latents.npy"
    written = yaml.safe_load(config.to_yaml(relative_to=tmp_path / "out" / "net"))
    assert written["calibration"]["data"] == "../../in/latents.npy"


def test_overrides_win_over_the_file_and_the_file_over_the_base(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("target: {fps: 10, clock_mhz: 100}\n")
    base = parse_config({"target": {"fps": 1.0, "part": "xc7z010clg400-1"}})
    target = resolve(path, {"target": {"fps": 30.0}}, base=base).target
    assert (target.fps, target.clock_mhz, target.part) == (30.0, 100.0, "xc7z010clg400-1")


def test_blanks_around_a_part_name_do_not_matter() -> None:
    assert parse_config({"target": {"part": " xc7z010clg400-1\n"}}).target.part == "xc7z010clg400-1"


def test_merge_changes_neither_side() -> None:
    base, over = {"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}
    assert merge(base, over) == {"a": {"b": 3, "c": 2}}
    assert (base, over) == ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})


@pytest.mark.snapshot
def test_published_schema_is_current() -> None:
    current = json.dumps(Config.model_json_schema(), indent=2) + "\n"
    if os.environ.get("GAN2HLS_REWRITE_SNAPSHOTS") == "1":
        SCHEMA.write_text(current)
    assert SCHEMA.read_text() == current, "run make snapshot"


def test_schema_judges_as_the_parser_does() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(FULL)
    assert validator.is_valid(yaml.safe_load(Config().to_yaml()))
    for bad in ({"precison": {}}, {"layers": {"l0": {"pe": 0}}}, {"precision": {"weight": "float16"}}):
        assert not validator.is_valid(bad)


def test_every_key_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()

    def keys(node: dict[str, Any]) -> set[str]:
        return {key for part in node["$defs"].values() for key in part.get("properties", {})} | set(node["properties"])

    missing = {key for key in keys(Config.model_json_schema()) if f"`{key}`" not in text}
    assert not missing
