from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan2hls.formats.precision import MAX_BITS, MAX_INT_BITS, MIN_BITS, MIN_INT_BITS, Precision

bits = st.integers(MIN_BITS, MAX_BITS)
precisions = st.one_of(
    st.builds(Precision, st.just("int"), bits, st.just(0), st.sampled_from([None, False])),
    st.builds(Precision, st.just("fixed"), bits, st.integers(MIN_INT_BITS, MAX_INT_BITS), st.booleans()),
)


@given(precisions)
def test_text_round_trip(precision: Precision) -> None:
    assert Precision.parse(str(precision)) == precision


@given(precisions, st.data())
def test_hls4ml_spellings_mean_the_same(precision: Precision, data: st.DataObject) -> None:
    text = "ap_" + str(precision)
    spaced = "".join(c + " " * data.draw(st.integers(0, 2)) if c in "<,>" else c for c in text)
    assert Precision.parse(spaced) == precision


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int8", Precision("int", 8)),
        ("int<8>", Precision("int", 8)),
        ("ap_uint<4>", Precision("int", 4, 0, False)),
        ("fixed<8,3>", Precision("fixed", 8, 3, True)),
        ("ufixed<8, 0>", Precision("fixed", 8, 0, False)),
        ("fixed<2,-5>", Precision("fixed", 2, -5, True)),
    ],
)
def test_known_strings(text: str, expected: Precision) -> None:
    assert Precision.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("int1", "2..16"),
        ("int17", "2..16"),
        ("int99999", "not a precision"),
        ("fixed<8,33>", "-32..32"),
        ("fixed<8>", "not a precision"),
        ("codebook<16", "in quotes"),
        ("ap_ufixed<8", "in quotes"),
        ("int<8", "not a precision"),
        ("fixed<8,3,RND>", "AP_RND"),
        ("float16", "int<N>"),
        ("", "not a precision"),
        ("int8\n", "not a precision"),
        ("int٨", "not a precision"),
        (8, "must be a precision string"),
        (None, "must be a precision string"),
    ],
)
def test_bad_strings_say_what_is_legal(text: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("<", ".")):
        Precision.parse(text)


@pytest.mark.slow
@given(st.text(max_size=20))
def test_any_text_parses_or_is_a_value_error(text: str) -> None:
    try:
        precision = Precision.parse(text)
    except ValueError:
        return
    assert MIN_BITS <= precision.bits <= MAX_BITS


def test_only_signed_formats_are_for_weights() -> None:
    legal = {text: Precision.parse(text).for_weights for text in ("int8", "uint8", "fixed<8,3>", "ufixed<8,3>")}
    assert legal == {"int8": True, "uint8": False, "fixed<8,3>": True, "ufixed<8,3>": False}
