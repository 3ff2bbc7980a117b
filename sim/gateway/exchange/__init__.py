"""The simulated exchange and order desk: order life, matching, the account's books."""

from sim.gateway.exchange.exchange import Exchange

__all__ = ["Exchange"]
