"""Names of models: identifiers that keep enough of the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan2hls.frontend.naming import RESERVED, identifier, model_name
from gan2hls.model.ir import IDENTIFIER


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("generator.onnx", "generator"),
        ("dcgan_mnist32.onnx", "dcgan_mnist32"),
        ("netG.onnx", "netg"),
        ("netG.ONNX", "netg"),
        ("netG.sim.onnx", "netg_sim"),
        ("netG.sim", "netg_sim"),
        ("netG", "netg"),
        ("net-G.onnx", "net_g"),
        ("module.onnx", "model_module"),
        ("2021.onnx", "model_2021"),
        ("---.onnx", "model"),
        ("café.onnx", "cafe"),
        ("x" * 48 + ".onnx", "x" * 48),
    ],
)
def test_plain_files_have_plain_names(file: str, name: str) -> None:
    assert model_name(Path("folder.onnx") / file) == name


@pytest.mark.parametrize(
    "texts",
    [
        ("генератор", "дискриминатор", "Генератор", "й", "и"),
        ("生成器", "判别器", "生成器_v2", "生成器_v3"),
        ("ジェネレータ", "चित्र", "مولد", "😀", "😁"),
        ("net_生成器", "net_判别器", "net"),
        ("x" * 49, "x" * 50, "x" * 48 + "y", "x" * 48),
        ("straße", "strase", "strasse"),
    ],
)
def test_what_an_identifier_cannot_say_makes_other_names(texts: tuple[str, ...]) -> None:
    names = [identifier(text, "model") for text in texts]
    assert len(set(names)) == len(names), names
    assert all(IDENTIFIER.match(name) and name not in RESERVED and len(name) <= 54 for name in names)
    assert names == [identifier(text, "model") for text in texts]


def test_composed_and_decomposed_letters_are_one_name() -> None:
    """macOS decomposes file names."""
    assert identifier("\u0439", "model") == identifier("\u0438\u0306", "model")


def test_a_file_name_that_is_no_text_has_a_name() -> None:
    assert IDENTIFIER.match(model_name(Path("gan\udcff.onnx")))
