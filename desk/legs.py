"""An approved ticket as the orders that carry it out, and what resting legs must look like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from edges.ibkr import LegOrder
from guardrails.terms import Leg, LiveOrder, Part, Ticket

PART_LETTERS = ("", "b")  # a second part's orders are `<session>-<n>b-<leg>`
# The broker's words for an order that works or waits at its place. PendingSubmit is not among them:
# it is the client's own invention and proves nothing (ibkr order statuses).
RESTING_WORDS = frozenset({"PreSubmitted", "Submitted"})


class Family(NamedTuple):
    """The orders of one part of a proposal: one parent, one group. Parts count from 0."""

    session_id: str
    proposal_id: int
    part: int = 0

    @property
    def name(self) -> str:
        """`<session>-<n>`, with a letter for a second part; the name of its OCA group too."""
        return f"{self.session_id}-{self.proposal_id}{PART_LETTERS[self.part]}"

    def ref(self, leg: Leg, attempt: int = 1) -> str:
        """An order's name at the broker and in the ledger: `<family>-<leg>`, repairs numbered."""
        return f"{self.name}-{leg}{'' if attempt == 1 else attempt}"


def bracket(ticket: Ticket, part: Part, family: Family, account_id: str) -> list[LegOrder]:
    """Entry, target and stop of one part in the order of sending; the stop transmits the family.

    The exits are GTC in one OCA group of type 2: they outlive the day, and a partial exit shrinks
    the stop instead of removing it.
    """
    if ticket.limit_price is None or ticket.stop_price is None:
        raise ValueError("an opening ticket needs a limit and a stop price")
    entry_ref = family.ref(Leg.ENTRY)

    def leg(name: Leg, **fields: object) -> LegOrder:
        common: dict[str, object] = {
            "order_ref": family.ref(name),
            "account_id": account_id,
            "symbol": ticket.symbol,
            "con_id": ticket.con_id,
            "exchange": ticket.exchange,
            "currency": ticket.currency,
            "shares": part.shares,
            "limit_price": None,
            "stop_price": None,
            "transmit": False,
        }
        return LegOrder(**(common | fields))  # type: ignore[arg-type]

    exits: dict[str, object] = {
        "action": ticket.exit_action,
        "tif": "GTC",
        "oca_group": family.name,
        "parent_ref": entry_ref,
    }
    return [
        leg(
            Leg.ENTRY,
            action=ticket.action,
            order_type="LMT",
            limit_price=ticket.limit_price,
            tif="DAY",
        ),
        leg(Leg.TARGET, order_type="LMT", limit_price=part.target_price, **exits),
        leg(Leg.STOP, order_type="STP", stop_price=ticket.stop_price, transmit=True, **exits),
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class LegReading:
    """One leg as intended and as found. `differs` names every field that is not as it was sent."""

    leg: LegOrder
    found: LiveOrder | None
    differs: tuple[str, ...]

    @property
    def rests(self) -> bool:
        """Whether the broker holds this leg exactly as it was meant."""
        return self.found is not None and not self.differs


def read_legs(
    legs: Iterable[LegOrder], ids: dict[str, int], found: Iterable[LiveOrder]
) -> list[LegReading]:
    """Each leg compared with the order of its orderRef at the broker, field by field."""
    by_ref = {order.order_ref: order for order in found}
    return [_read(leg, ids, by_ref.get(leg.order_ref)) for leg in legs]


def _read(leg: LegOrder, ids: dict[str, int], found: LiveOrder | None) -> LegReading:
    if found is None:
        return LegReading(leg=leg, found=None, differs=())
    expected: dict[str, object] = {
        "action": leg.action,
        "order_type": leg.order_type,
        "shares": leg.shares,
        "limit_price": leg.limit_price,
        "stop_price": leg.stop_price,
        "tif": leg.tif,
        "con_id": leg.con_id,
        "account_id": leg.account_id,
        # Venues may rename the group of a bracket's children; that they share one is what matters.
        "parent_id": ids[leg.parent_ref] if leg.parent_ref else 0,
    }
    differs = [
        f"{name} {_shown(getattr(found, name))} instead of {_shown(value)}"
        for name, value in expected.items()
        if getattr(found, name) != value
    ]
    if found.status not in RESTING_WORDS:
        differs.append(f"status {found.status} is not resting")
    if leg.oca_group and not found.oca_group:
        differs.append(f"oca_group is empty instead of {leg.oca_group}")
    return LegReading(leg=leg, found=found, differs=tuple(differs))


def _shown(value: object) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
