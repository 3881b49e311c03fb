"""The steps of the verification ladder: golden model, HLS C++ and RTL must agree, integer for integer.

A step raises ``ToolError`` when it cannot run for want of a tool; the ladder reports that as skipped.
"""

from gan2hls.verify.hls import run_hls
from gan2hls.verify.result import Measurements, Status, StepResult
from gan2hls.verify.rtl import run_rtl
from gan2hls.verify.vendor import run_vendor

__all__ = ["Measurements", "Status", "StepResult", "run_hls", "run_rtl", "run_vendor"]
