"""Every order of the account, by where it is: held untransmitted, live, or done. Nothing decides.

Orders are keyed by (client id, order id); permIds are account-wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sim.gateway.exchange.day import Reach
from sim.gateway.nouns import Order

Key = tuple[int, int]
FIRST_PERM_ID = 1_000_000_001


def key_of(order: Order) -> Key:
    """The order's key."""
    return order.client_id, order.order_id


@dataclass(kw_only=True, slots=True)
class Work:
    """What the exchange knows of one order besides its terms."""

    value: Decimal = Decimal(0)  # of its executions
    charged: Decimal = Decimal(0)
    is_triggered: bool = False
    is_kept: bool = False  # spared when another of its group filled: nothing bounds it any more
    good_till: datetime | None = None
    reach: Reach | None = None  # what a bar must do to touch it; None until looked up
    cancel_at: datetime | None = None  # a cancellation that has to wait


class Register:
    """The orders, and the indexes by which they are found."""

    def __init__(self) -> None:
        self.held: dict[Key, Order] = {}
        self.live: dict[Key, Order] = {}
        self.done: list[Order] = []
        self._last: dict[Key, Order] = {}  # of each key, wherever it is
        self._works: dict[int, Work] = {}
        self._by_perm_id: dict[int, Order] = {}
        self._live_by_con: dict[int, dict[int, Order]] = {}  # con id -> perm id -> order
        self._children: dict[Key, list[Order]] = {}  # transmitted ones, finished ones included
        self._last_id: dict[int, int] = {}
        self._next_perm_id = FIRST_PERM_ID

    # Moves

    def admit(self, order: Order) -> None:
        """A new order has its permId, and its id is used."""
        last = self._last_id.get(order.client_id, 0)
        self._last_id[order.client_id] = max(last, order.order_id)
        order.perm_id = self._next_perm_id
        self._next_perm_id += 1
        self._works[order.perm_id] = Work()
        self._by_perm_id[order.perm_id] = order

    def hold(self, order: Order) -> None:
        """The order waits for its transmission."""
        self.held[key_of(order)] = order

    def go_live(self, order: Order) -> None:
        """The order is with the broker."""
        key = key_of(order)
        self.held.pop(key, None)
        self.live[key] = self._last[key] = order
        self._live_by_con.setdefault(order.con_id, {})[order.perm_id] = order
        if order.parent_id:
            self._children.setdefault((order.client_id, order.parent_id), []).append(order)

    def finish(self, order: Order) -> None:
        """The order is over."""
        self.forget(order)
        self._last[key_of(order)] = order
        self.done.append(order)

    def forget(self, order: Order) -> None:
        """The order is in no list any more."""
        key = key_of(order)
        self.held.pop(key, None)
        self._last.pop(key, None)
        if self.live.pop(key, None) is not None:
            del self._live_by_con[order.con_id][order.perm_id]

    # Finding

    def last_id(self, client_id: int) -> int:
        """The highest order id that the client has used."""
        return self._last_id.get(client_id, 0)

    def last_of(self, key: Key) -> Order | None:
        """The live order of that key, or the finished one."""
        return self.live.get(key) or self._last.get(key)

    def by_perm_id(self, perm_id: int) -> Order | None:
        """The order of a permId, wherever it is."""
        return self._by_perm_id.get(perm_id)

    def is_live(self, order: Order) -> bool:
        """Whether the order is live."""
        return self.live.get(key_of(order)) is order

    def work(self, order: Order) -> Work:
        """What else is known of an order; of one that was never admitted, nothing."""
        return self._works.setdefault(order.perm_id, Work())

    def open_orders(self) -> list[Order]:
        """Live orders, by permId."""
        return sorted(self.live.values(), key=lambda order: order.perm_id)

    def live_on(self, con_id: int) -> list[Order]:
        """Live orders in a listing, by permId."""
        found = self._live_by_con.get(con_id)
        return [order for _, order in sorted(found.items())] if found else []

    def con_ids(self) -> list[int]:
        """The listings with live orders, in order."""
        return sorted(con_id for con_id, orders in self._live_by_con.items() if orders)

    def children(self, parent: Order) -> list[Order]:
        """The order's live exits, by permId."""
        found = self._children.get(key_of(parent), ())
        return [one for one in found if one.parent_id and self.is_live(one)]

    def siblings(self, order: Order) -> list[Order]:
        """Every transmitted child of the same parent, `order` and finished ones included."""
        return self._children.get((order.client_id, order.parent_id), [])

    def family_held(self, order: Order) -> list[Order]:
        """The held orders that go out with `order`: its parent and siblings, parent first."""
        root = order.parent_id or order.order_id
        found = [
            one
            for one in self.held.values()
            if one.client_id == order.client_id and root in (one.order_id, one.parent_id)
        ]
        return sorted(found, key=lambda one: (one.order_id != root, one.order_id))
