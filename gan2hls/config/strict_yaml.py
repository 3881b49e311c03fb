"""Strict YAML: unknown keys and illegal values are errors that say what is legal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from gan2hls.base import ConfigError, file_problem

#: YAML larger than this is not a config, nor is one that its aliases make of more values.
_MAX_BYTES, _MAX_VALUES = 1 << 20, 1 << 16
#: Most characters of a wrong value that a message shows.
_SHOWN = 80

_Model = TypeVar("_Model", bound=BaseModel)


class Strict(BaseModel):
    """Refuses unknown keys, and numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases' silent cousins: a repeated key is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"keys must be text, not {key!r}", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} repeats", key_node.start_mark)
            seen.add(key)
        return dict(super().construct_mapping(node, deep))


def read_yaml(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """Read the mapping of a YAML file, meant for ``model``.

    Raises:
        ConfigError: not readable, or not a YAML mapping.
    """
    try:
        if problem := file_problem(path):
            raise ConfigError(problem, where=str(path), hint="give the path of a YAML file")
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"is too large for a config: {path.stat().st_size} bytes", where=str(path))
        raw = path.read_bytes()
        # _Loader derives from SafeLoader
        found = yaml.load(raw, Loader=_Loader)
        if _count(found, {}) > _MAX_VALUES:
            raise ConfigError(
                f"its aliases make more than {_MAX_VALUES} values of it", where=str(path), hint="write values out"
            )
    except OSError as error:
        raise ConfigError(f"cannot read the config: {error.strerror or error}", where=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"is not valid YAML: {error}", where=str(path)) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(
            f"must be a mapping of keys, not {type(found).__name__}", where=str(path), hint=_legal_keys(model)
        )
    return found


def _count(value: Any, known: dict[int, int]) -> int:
    """Return the values in ``value`` with aliases written out; ``known`` holds containers that were counted.

    Raises:
        ValueError: a container that holds itself.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = -1
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(part, known) for part in parts)
    if known[id(value)] < 0:
        raise ValueError("an alias stands inside of what it names")
    return known[id(value)]


def validate(model: type[_Model], values: Mapping[str, Any], *, where: str) -> _Model:
    """Check ``values`` against a strict ``model`` and fill in its defaults.

    Raises:
        ConfigError: an unknown key or a value that is not legal.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explain(error, where, model) from None


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``overrides`` laid over it, mapping by mapping; neither is changed."""
    merged = dict(base)
    for key, value in overrides.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _explain(error: ValidationError, where: str, model: type[BaseModel]) -> ConfigError:
    """Turn pydantic's first complaint into ours: key path, value found, what is legal."""
    errors = error.errors(include_url=False)
    first = errors[0]
    loc, message = first["loc"], str(first["msg"]).removeprefix("Value error, ")
    if loc and str(loc[-1]).startswith("literal["):  # the first branch of a union
        loc = loc[:-1]
        others = [str(one["msg"]).removeprefix("Input should be ") for one in errors[1:] if one["loc"][:-1] == loc]
        message = ", or ".join([message, *others])
    path = _key_path(loc)
    if first["type"] == "extra_forbidden":
        parent = _model_at(model, first["loc"][:-1])
        legal = tuple(parent.model_fields) if parent else ()
        key = str(first["loc"][-1])
        close = difflib.get_close_matches(key, legal, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return ConfigError(f"unknown key {key!r}", where=f"{where}: {path}", hint=f"{hint}legal: {', '.join(legal)}")
    found = first["input"]
    if first["type"] == "too_short":
        message = "must not be empty"
    ours = first["type"] in ("value_error", "too_short")
    text = repr(found)
    shown = "" if ours or isinstance(found, Mapping) else f", not {text[:_SHOWN]}{'...' * (len(text) > _SHOWN)}"
    message = re.sub(r"a valid dictionary.*", "a mapping", message.replace("Input should be", "must be"))
    field = _field_at(model, first["loc"])
    hint = "" if field is None else " ".join(filter(None, (field.description, _legal_numbers(field))))
    at = f"{where}: {path}" if path else where
    return ConfigError(f"{message[0].lower()}{message[1:]}{shown}", where=at, hint=hint)


def _legal_numbers(field: FieldInfo) -> str:
    """Return the bounds of a field that takes numbers, else nothing."""
    schema = TypeAdapter(field.rebuild_annotation()).json_schema()
    choices = schema.get("anyOf", [schema])
    number = next((one for one in choices if one.get("type") in ("integer", "number")), None)
    if number is None:
        return ""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [f"{word} {number[key]:.12g}" for key, word in words.items() if key in number]
    kind = "whole numbers" if number["type"] == "integer" else "numbers"
    null = ", or null" if {"type": "null"} in choices else ""
    return f"Legal: {' '.join([kind, *bounds])}{null}."


def _key_path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _field_at(top: type[BaseModel], loc: tuple[int | str, ...]) -> FieldInfo | None:
    """Return the deepest field that ``loc`` names, from the model ``top`` down."""
    model: type[BaseModel] | None = top
    found: FieldInfo | None = None
    for part in loc:
        if model is None:
            break
        if part in model.model_fields:
            found = model.model_fields[str(part)]
            model = _submodel(found.annotation)
    return found


def _model_at(top: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    if not loc:
        return top
    found = _field_at(top, loc)
    return _submodel(found.annotation) if found is not None else None


def _submodel(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``Model``, ``Model | None`` or ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _submodel(inner)) is not None), None)


def _legal_keys(model: type[BaseModel]) -> str:
    return f"legal keys: {', '.join(model.model_fields)}"
