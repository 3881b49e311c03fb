from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from gan2hls.hardware import Design
from gan2hls.model.origin import Origin
from gan2hls.report.assemble import NOT_MEASURED, Fidelity, Timing, make_readme, make_report
from gan2hls.report.schema import Quality, Report, StepReport, no_verification
from tests import randomized
from tests.random_integer_graphs import maps_away, u_net_design

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "schemas" / "report.schema.json"
DESIGN = randomized.tiny_design()
ORIGIN = Origin(sha256="ab" * 32, params=1234)
NAMES = [layer.name for layer in DESIGN.model.layers]
MEASURED = Timing(
    layer_cycles={name: 100 + n for n, name in enumerate(NAMES)},
    executed_macs={layer.name: layer.op.useful_macs for layer in DESIGN.model.layers},
    latency=500,
    interval=400,
)


def report(design: Design = DESIGN, **changes: Any) -> Report:
    values: dict[str, Any] = {
        "estimated": Timing(layer_cycles=dict.fromkeys(NAMES, 99), latency=490, interval=199),
        "measured": MEASURED,
        "fidelity": Fidelity(
            Quality(psnr_db=41.23456, ssim=0.99, samples=32), {NAMES[0]: 30.0, NAMES[1]: float("inf")}
        ),
        "verification": no_verification("not now") | {"rtl": StepReport(status="passed", frames=3, values=48)},
        "seconds": {"load": 0.1},
    }
    return make_report(design, ORIGIN, "cd" * 32, **(values | changes))


def test_it_holds_every_promised_field() -> None:
    found = json.loads(report().to_json())
    assert {"name", "sha256", "inputs", "outputs", "params"} <= found["model"].keys()
    for layer in found["layers"]:
        assert {
            "name",
            "kind",
            "codec",
            "precision",
            "params",
            "useful_macs",
            "executed_macs",
            "zero_insertion_macs",
            "folding",
            "cycles",
            "weight_bits",
            "blocks",
            "sqnr_db",
        } <= layer.keys()
        assert layer["precision"].keys() == {"weight", "activation", "acc"}
        assert {"pe", "simd"} <= layer["folding"].keys()
        assert layer["cycles"].keys() == {"estimated", "measured"}
        assert layer["weight_bits"].keys() == {"float32", "encoded", "scales", "pointers", "padding"}
    totals = found["totals"]
    assert {"useful_macs", "executed_macs", "compression_ratio"} <= totals.keys()
    assert totals["latency_cycles"] == {"estimated": 490, "measured": 500}
    assert totals["frame_interval_cycles"].keys() == {"limit", "estimated", "measured", "hls_estimated"}
    assert {"psnr_db", "ssim"} <= found["quality"].keys()
    assert list(found["verification"]) == ["float", "csim", "hls", "rtl", "vendor"]
    assert found["verification"]["rtl"] == {
        "status": "passed",
        "reason": "",
        "frames": 3,
        "values": 48,
        "mismatches": 0,
        "first_mismatch": None,
    }
    assert list(found)[-1] == "seconds"
    assert "gan2hls" in found["tools"]


def test_totals_add_up() -> None:
    found = report()
    useful = sum(layer.op.useful_macs for layer in DESIGN.model.layers)
    assert found.totals.useful_macs == found.totals.executed_macs == useful
    bits = [layer.weight_bits for layer in found.layers]
    overall = sum(layer.encoded + layer.scales for layer in bits)
    assert found.totals.compression_ratio == round(sum(layer.float32 for layer in bits) / overall, 4)
    assert [layer.encoded for layer in bits] == [layer.float32 // 4 for layer in bits], "int8 against float32"
    assert found.totals.frame_interval_cycles.limit == max(e.mac_cycles for e in DESIGN.engines)
    assert found.totals.frames_per_second == round(1e9 / (400 * DESIGN.clock_ns), 2)


def test_frames_that_queues_hold_back_are_no_pace() -> None:
    found = report(measured=Timing(latency=500, interval=200)).totals
    assert found.frame_interval_cycles.measured == 200 < found.frame_interval_cycles.limit == 300
    assert found.frames_per_second == round(1e9 / (300 * DESIGN.clock_ns), 2)


def test_what_was_not_measured_is_null_and_never_zero() -> None:
    found = report(measured=Timing(), fidelity=NOT_MEASURED)
    assert found.totals.executed_macs is None
    assert found.layers[0].executed_macs is None
    assert found.layers[0].cycles.measured is None
    assert found.layers[0].sqnr_db is None
    partial = Timing(executed_macs={NAMES[0]: 5})
    assert report(measured=partial).totals.executed_macs is None


def test_buffers_and_queues_say_what_they_are_made_of() -> None:
    """A line buffer of few bits is LUTs, a ring block RAM, both UltraRAM where the design has them there."""
    plain = u_net_design(0, 16)
    for made, kinds in ((plain, {"lut", "bram"}), (randomized.in_ultra(plain), {"uram"})):
        found = report(made, measured=Timing())
        sizes = [(one.width_bits, one.words) for layer in found.layers for one in layer.buffers]
        assert sizes == [size for engine in made.engines for size in engine.written.values()]
        assert {one.memory for layer in found.layers for one in layer.buffers} <= kinds
        queues = {(e.reader, e.port): e for e in made.edges}
        for layer in found.layers:
            for port, one in enumerate(layer.inputs):
                edge = queues[layer.name, port]
                wanted = ("uram" if edge.ultra else "bram") if edge.in_ram else "lut" if edge.depth else None
                assert one.queue_memory == wanted
        assert any(edge.in_ram for edge in made.edges)
        readme = make_readme(found, picture=False).decode()
        rows = readme.partition("| layer | memory | bits | made of |")[2].partition("\n\n")[0].splitlines()[2:]
        assert len(rows) == len(sizes) + sum(edge.depth > 0 for edge in made.edges)
        assert any("queue of" in row and row.endswith(("| block RAM |", "| UltraRAM |")) for row in rows)
    away = report(maps_away(plain, 64), measured=Timing())
    assert {one.queue_memory for layer in away.layers for one in layer.inputs} == {None}


def test_ratios_are_rounded_and_infinity_is_null() -> None:
    found = report()
    assert found.quality.psnr_db == 41.235
    assert [layer.sqnr_db for layer in found.layers] == [30.0, None, None]


def test_only_seconds_vary() -> None:
    first, second = (json.loads(report(seconds={"load": s}).to_json()) for s in (0.1, 0.2))
    assert first.pop("seconds") != second.pop("seconds")
    assert first == second


def test_json_round_trip() -> None:
    assert Report.model_validate_json(report().to_json()) == report()


def test_passed_means_no_step_failed() -> None:
    failed = no_verification("x") | {"csim": StepReport(status="failed", first_mismatch="l0[3]: expected 1, got 2")}
    assert report().passed
    assert not report(verification=failed).passed
    with pytest.raises(ValidationError):
        StepReport(status="fine")  # type: ignore[arg-type]


@pytest.mark.snapshot
def test_published_schema_is_current() -> None:
    current = json.dumps(Report.model_json_schema(mode="serialization"), indent=2) + "\n"
    if os.environ.get("GAN2HLS_REWRITE_SNAPSHOTS") == "1":
        SCHEMA.write_text(current)
    assert SCHEMA.read_text() == current, "run make snapshot"


def test_reports_satisfy_the_published_schema() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for found in (report(), report(measured=Timing(), fidelity=NOT_MEASURED)):
        tree = json.loads(found.to_json())
        validator.validate(tree)
        del tree["totals"]
        assert not validator.is_valid(tree)


def test_every_field_is_documented() -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    schema = Report.model_json_schema(mode="serialization")
    fields = {key for part in schema["$defs"].values() for key in part["properties"]} | set(schema["properties"])
    assert not {key for key in fields if f"`{key}`" not in text}


def test_readme_shows_the_numbers_and_escapes_names() -> None:
    port = replace(DESIGN.model.inputs[0], onnx_name="z`|\n# evil */")
    design = replace(DESIGN, model=replace(DESIGN.model, inputs=(port,)))
    text = make_readme(report(design), picture=True).decode()
    assert "| l1_conv_transpose | conv_transpose | 4 x 4 x 6 |" in text
    assert "41.2" in text and "picture.png" in text
    assert "# evil */" not in text and "z___" in text
    assert "picture.png" not in make_readme(report(), picture=False).decode()
    assert make_readme(report(seconds={"load": 9.5}), picture=False) == make_readme(report(), picture=False)
