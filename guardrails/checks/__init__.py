"""The checks of an opening, one function each, in families.

desk        may this desk open anything now
instrument  is this a stock that may be traded, now, on this quote
prices      are entry, stop and target sound
exposure    is there room for the position
pace        is it too often

Each takes a Case and returns a Check named after its function. All run; none raises.
"""

from guardrails.checks.desk import DESK
from guardrails.checks.exposure import EXPOSURE
from guardrails.checks.instrument import INSTRUMENT
from guardrails.checks.pace import PACE
from guardrails.checks.prices import PRICES

OPENING_CHECKS = (*DESK, *INSTRUMENT, *PRICES, *EXPOSURE, *PACE)

__all__ = ["OPENING_CHECKS"]
