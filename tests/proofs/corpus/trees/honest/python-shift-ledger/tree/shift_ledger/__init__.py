"""A ledger of on-call shifts."""

from shift_ledger.model import Shift, ShiftError, Total

__version__ = "0.3.0"
__all__ = ["Shift", "ShiftError", "Total", "__version__"]
