"""What each open position needs now. Values in, values out; the caller carries it out.

stops(watched, rules, limits, now)   one need a position at most, the first in this order:
1. repair    it is not covered by a resting stop, share for share: demanded without any quote
2. close     the stop was passed and did not execute; a session's end is near or was outlived;
             it was held too long; the trailing stop would be at or through the market
3. take      the profit target is reached
4. tighten   the stop trails the best price, toward the price and never away from it
remember(watched, limits, now)       what to hand in with the position at the next look

What is unknown (a quote, an opening time, trading hours, a ladder) silences the rules that need it
and no other. A market that is closed defers the need to its next opening.

It does not cover positions that are not this desk's own: the caller decides which it hands in.
"""

from guardrails.stops.deciding import stops
from guardrails.stops.watching import Memory, Need, Remedy, Watched, remember

__all__ = ["Memory", "Need", "Remedy", "Watched", "remember", "stops"]
