"""An order of two parts over the real wire: two brackets, each verified by itself."""

from dataclasses import replace
from decimal import Decimal as D

from desk.orders import carry_out
from desk.reconcile import reconcile
from guardrails.terms import Intent, Proposal, Side, State
from sim.gateway.exchange import Exchange
from sim.gateway.exchange.truth import Truth
from tests.support.desk import OPEN, desk_on, in_virtual_time

TWO = replace(OPEN, target_price_2=D("225.00"))
RESTING = replace(TWO, limit_price=D("199.50"))
CLOSE = Proposal(intent=Intent.CLOSE, symbol="AAPL", side=Side.LONG, limit_price=D("199.90"))
TIGHTEN = Proposal(intent=Intent.TIGHTEN, symbol="AAPL", side=Side.LONG, stop_price=D("197.00"))


async def done(desk, proposal):
    number, ruling = await desk.ruled(proposal)
    assert ruling.approved, ruling.refusals
    return await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)


def by_ref(orders):
    return {order.order_ref.removeprefix("s1-"): order for order in orders}


def test_two_families_rest_each_with_its_own_stop(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            carried = await done(desk, RESTING)
            return carried, by_ref(await desk.broker.open_orders()), desk.statuses(), desk.alerts()

    carried, live, statuses, alerts = in_virtual_time(scenario)
    assert carried.status == "resting"
    assert [leg.leg for leg in carried.legs] == ["entry", "target", "stop"] * 2
    terms = {name: (one.shares, one.limit_price, one.stop_price) for name, one in live.items()}
    assert terms == {
        "1-entry": (13, D("199.5"), None),
        "1-target": (13, D("215"), None),
        "1-stop": (13, None, D("194")),
        "1b-entry": (12, D("199.5"), None),
        "1b-target": (12, D("225"), None),
        "1b-stop": (12, None, D("194")),
    }
    for family in ("1", "1b"):
        assert live[f"{family}-stop"].parent_id == live[f"{family}-entry"].order_id
        assert live[f"{family}-stop"].oca_group == live[f"{family}-target"].oca_group
    assert live["1-stop"].oca_group != live["1b-stop"].oca_group
    assert set(statuses.values()) == {"resting"}
    assert alerts == []


def test_both_parts_fill_and_every_share_is_protected(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            carried = await done(desk, TWO)
            view = await desk.viewer.view("AAPL")
            found = await reconcile(desk.broker, desk.book)
            return carried, view.positions, found

    carried, [position], found = in_virtual_time(scenario)
    assert carried.status == "filled"
    assert position.shares == position.protected_shares
    assert position.exiting_shares == 0
    assert found.findings == ()


def test_closing_reprices_both_targets_and_leaves_nothing(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await done(desk, TWO)
            carried = await done(desk, CLOSE)
            return carried, await desk.broker.held(), await desk.broker.open_orders()

    carried, held, live = in_virtual_time(scenario)
    assert [leg.order_ref for leg in carried.legs] == ["s1-1-target", "s1-1b-target"]
    assert {leg.status for leg in carried.legs} == {"filled"}
    assert carried.status == "closing"
    assert list(held) == []
    assert list(live) == []


def test_tightening_moves_both_stops_and_never_loosens_one(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await done(desk, TWO)
            both = await done(desk, TIGHTEN)
            moved = by_ref(await desk.broker.open_orders())
            # One part's stop is closer already: a second tightening leaves it where it is.
            [stop] = [
                order
                for order in desk.gateway.exchange.open_orders()
                if order.order_ref == "s1-1b-stop"
            ]
            stop.stop_price = D("198.00")
            again = await done(desk, replace(TIGHTEN, stop_price=D("197.50")))
            return both, moved, again, by_ref(await desk.broker.open_orders())

    both, moved, again, after = in_virtual_time(scenario)
    assert both.status == "tightened"
    assert (moved["1-stop"].stop_price, moved["1b-stop"].stop_price) == (D(197), D(197))
    assert [leg.order_ref for leg in again.legs] == ["s1-1-stop"]
    assert (after["1-stop"].stop_price, after["1b-stop"].stop_price) == (D("197.5"), D(198))


class Second(Truth):
    """The broker's ill will is kept for the orders of the second part."""

    def loses(self, order):
        return order.order_type == "STP" and "1b-" in order.order_ref and order.parent_id != 0


class SecondNeverProtected(Second):
    """... and no stop of the second part is ever taken."""

    def loses(self, order):
        return order.order_type == "STP" and "1b-" in order.order_ref


def lying(truth):
    class Lying(Exchange):
        def __init__(self, world, **more):
            super().__init__(world, **{**more, "truth": truth()})

    return Lying


def test_a_second_part_without_its_stop_is_cancelled_and_the_first_stays(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=lying(Second)) as desk:
            carried = await done(desk, RESTING)
            return carried, by_ref(await desk.broker.open_orders()), desk.alerts()

    carried, live, alerts = in_virtual_time(scenario)
    assert carried.status == "resting"
    assert "cancelled unfilled" in carried.says
    assert sorted(live) == ["1-entry", "1-stop", "1-target"]
    assert alerts == ["bracket_incomplete"]


def test_closing_out_a_second_part_leaves_the_first_its_stop(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=lying(SecondNeverProtected)) as desk:
            carried = await done(desk, TWO)
            [held] = await desk.broker.held()
            return carried, held, by_ref(await desk.broker.open_orders()), desk.alerts()

    carried, held, live, alerts = in_virtual_time(scenario)
    assert carried.status == "flattened"
    assert sorted(live) == ["1-stop", "1-target"]
    assert held.shares == live["1-stop"].shares == live["1-target"].shares
    assert alerts == ["bracket_incomplete", "stop_will_not_rest", "flattened"]


def test_a_first_part_that_did_not_come_to_rest_keeps_the_second_from_being_sent(tmp_path):
    class First(Truth):
        def loses(self, order):
            return order.order_type == "STP" and "1-" in order.order_ref

    async def scenario():
        async with desk_on(tmp_path, exchange_class=lying(First)) as desk:
            carried = await done(desk, RESTING)
            return carried, await desk.broker.open_orders(), desk.statuses()

    carried, live, statuses = in_virtual_time(scenario)
    assert carried.status == "cancelled"
    assert carried.says.endswith("a second part was not sent")
    assert live == ()
    assert set(statuses) == {"1-entry", "1-target", "1-stop"}


def test_a_halt_between_the_parts_sends_the_first_alone(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            number, ruling = await desk.ruled(RESTING)
            states = iter([State.NORMAL, State.HALTED])
            carried = await carry_out(desk.hands, ruling.ticket, number, lambda: next(states))
            return carried, by_ref(await desk.broker.open_orders()), desk.statuses()

    carried, live, statuses = in_virtual_time(scenario)
    assert carried.status == "resting"
    assert sorted(live) == ["1-entry", "1-stop", "1-target"]
    assert statuses["1b-entry"] == "rejected"


def test_shares_without_a_target_leave_by_an_order_of_their_own(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await done(desk, TWO)
            await desk.hands.cancel(["s1-1b-target"])
            carried = await done(desk, CLOSE)
            return carried, await desk.broker.held(), await desk.broker.open_orders()

    carried, held, live = in_virtual_time(scenario)
    assert [leg.order_ref for leg in carried.legs] == ["s1-1-target", "s1-2-close"]
    assert (held, live) == ((), ())
