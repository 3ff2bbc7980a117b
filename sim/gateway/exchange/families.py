"""Parents, exits and OCA groups: what may fill, and who is affected by a fill. Nothing changes."""

from __future__ import annotations

from sim.gateway.exchange.floor import Floor
from sim.gateway.nouns import Order

ALL, REDUCE_WITH_BLOCK, REDUCE = 1, 2, 3  # OCA types (tws-api oca.html)
OCA_TYPES = (0, ALL, REDUCE_WITH_BLOCK, REDUCE)  # 0: none named


def armed(floor: Floor, order: Order) -> int:
    """How many shares of the order may fill now: of an exit, what its parent has filled."""
    if not order.parent_id or floor.register.work(order).is_kept:
        return max(0, order.remaining)
    parent = floor.register.last_of((order.client_id, order.parent_id))
    if parent is None or (floor.rules.children_arm_on_full and parent.remaining):
        return 0
    siblings = floor.register.siblings(order)
    left = parent.filled - sum(one.filled for one in siblings if one.action == order.action)
    return max(0, min(order.remaining, left))


def group(floor: Floor, order: Order) -> list[Order]:
    """The other live orders of its OCA group; of an exit without one, its siblings."""
    if order.oca_group:
        return [
            one
            for one in floor.register.open_orders()
            if one.oca_group == order.oca_group and one is not order
        ]
    if not order.parent_id:
        return []
    siblings = floor.register.siblings(order)
    return [
        one
        for one in siblings
        if not one.oca_group and one is not order and floor.register.is_live(one)
    ]


def has_block(order: Order) -> bool:
    """Whether only one of the order's group is at the exchange at an instant."""
    return bool(order.oca_group) and order.oca_type in (ALL, REDUCE_WITH_BLOCK)


def is_parent_gone(floor: Floor, order: Order) -> bool:
    """Whether an exit's entry is neither on its way, nor works, nor has filled."""
    key = (order.client_id, order.parent_id)
    if not order.parent_id or key in floor.register.held:
        return False
    parent = floor.register.last_of(key)
    return parent is None or (not floor.register.is_live(parent) and parent.filled == 0)
