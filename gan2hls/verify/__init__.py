"""The steps of the verification ladder: golden model, HLS C++ and RTL must agree, integer for integer.

A step raises ``ToolError`` when it cannot run for want of a tool; the ladder reports that as skipped.
"""

from gan2hls.verify.csim import CsimResult, check_csim, run_outputs
from gan2hls.verify.extent import frames_of, why_no_rtl
from gan2hls.verify.float import run_float
from gan2hls.verify.hls import run_hls
from gan2hls.verify.process import end_running
from gan2hls.verify.result import Measurements, Status, StepResult
from gan2hls.verify.rtl import run_rtl
from gan2hls.verify.vendor import run_vendor

__all__ = [
    "CsimResult",
    "Measurements",
    "Status",
    "StepResult",
    "check_csim",
    "end_running",
    "frames_of",
    "run_float",
    "run_hls",
    "run_outputs",
    "run_rtl",
    "run_vendor",
    "why_no_rtl",
]
