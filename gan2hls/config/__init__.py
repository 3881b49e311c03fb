"""The configuration: strict YAML, its schema, patterns of layer names."""

from gan2hls.config.patterns import check_patterns, matches, named
from gan2hls.config.precision import AutoConfig, PrecisionConfig
from gan2hls.config.schema import (
    VERIFY_STEPS,
    CalibrationConfig,
    Config,
    EvaluationConfig,
    LayerConfig,
    MemoryConfig,
    VerifyConfig,
    VerifyStep,
    load_config,
    parse_config,
    resolve,
)
from gan2hls.config.strict_yaml import Strict, merge, read_yaml, validate

__all__ = [
    "VERIFY_STEPS",
    "AutoConfig",
    "CalibrationConfig",
    "Config",
    "EvaluationConfig",
    "LayerConfig",
    "MemoryConfig",
    "PrecisionConfig",
    "Strict",
    "VerifyConfig",
    "VerifyStep",
    "check_patterns",
    "load_config",
    "matches",
    "merge",
    "named",
    "parse_config",
    "read_yaml",
    "resolve",
    "validate",
]
