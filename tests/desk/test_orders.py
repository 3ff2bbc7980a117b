"""Orders over the real wire: three legs read back, repairs where the broker lies, a way out."""

import asyncio
from dataclasses import replace
from decimal import Decimal as D

import pytest

from desk.orders import carry_out
from desk.reconcile import reconcile
from desk.seat import SeatTaken, holder, seat
from desk.standing import halt, resume, standing
from desk.sync import settle_orders, take_executions
from guardrails.terms import Intent, State
from ledger import Ledger
from sim.gateway.exchange import Exchange
from sim.gateway.exchange.truth import Rejection, Truth
from sim.gateway.nouns import Refused
from tests.support.desk import OPEN, desk_on, in_virtual_time
from tests.support.tiny import NOON, TinyWorld

RESTING = replace(OPEN, limit_price=D("199.50"))


async def opened(desk, proposal=OPEN):
    number, ruling = await desk.ruled(proposal)
    assert ruling.approved, ruling.refusals
    return await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)


def test_an_opening_is_intended_sent_and_read_back_leg_by_leg(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            carried = await opened(desk, RESTING)
            live = await desk.broker.open_orders()
            events = desk.ledger.rows("SELECT order_ref, status FROM order_events ORDER BY n")
            return carried, live, events, desk.statuses(), desk.alerts()

    carried, live, events, statuses, alerts = in_virtual_time(scenario)
    assert carried.status == "resting"
    assert [leg.leg for leg in carried.legs] == ["entry", "target", "stop"]
    assert {leg.status for leg in carried.legs} == {"resting"}
    entry, target, stop = live
    assert (entry.action, entry.tif, entry.shares) == ("BUY", "DAY", 25)
    assert (target.action, target.tif, target.limit_price) == ("SELL", "GTC", D("215"))
    assert (stop.order_type, stop.tif, stop.stop_price) == ("STP", "GTC", D("194"))
    assert target.oca_group == stop.oca_group != ""
    assert stop.oca_type == 2
    assert target.parent_id == stop.parent_id == entry.order_id
    assert [row["status"] for row in events][:3] == ["sent", "sent", "sent"]
    assert statuses == {"1-entry": "resting", "1-target": "resting", "1-stop": "resting"}
    assert alerts == []


def test_a_marketable_entry_fills_and_its_fill_is_an_execution_once(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            carried = await opened(desk)
            new = [await take_executions(desk.broker, desk.book) for _ in range(3)]
            return (
                carried,
                new,
                desk.ledger.positions(desk.book.account_id),
                desk.ledger.fills("s1"),
            )

    carried, new, positions, fills = in_virtual_time(scenario)
    assert carried.status == "filled"
    assert new == [1, 0, 0]
    assert positions == {"AAPL": 24}
    assert (fills[0]["price"], fills[0]["commission"]) == ("200.01", "1.0001")


def test_a_halt_between_intent_and_sending_sends_nothing(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            number, ruling = await desk.ruled(OPEN)
            desk.state = State.HALTED
            carried = await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            return carried, desk.gateway.exchange.completed_orders(), desk.statuses()

    carried, known, statuses = in_virtual_time(scenario)
    assert carried.status == "not_sent"
    assert known == []
    assert set(statuses.values()) == {"rejected"}


class RefusesStops(Truth):
    """Stops are rejected when they would go live: those of a family, or every one."""

    def __init__(self, *, every):
        self._every = every

    def rejects(self, order):
        if order.order_type == "STP" and (order.parent_id or self._every):
            return Rejection(201, "Order rejected - reason:no stops today")
        return None


class LosesStops(Truth):
    """The stop of a family vanishes when the family is transmitted."""

    def loses(self, order):
        return order.order_type == "STP" and order.parent_id != 0


class NoStops(Exchange):
    """A broker that refuses every stop that comes as a child, and takes the other legs."""

    truth = RefusesStops(every=False)

    def __init__(self, world, **more):
        super().__init__(world, **{**more, "truth": self.truth})

    def place(self, order):
        if order.order_type != "STP" or not order.parent_id:
            self._target = replace(order, transmit=True)
            return super().place(order)
        return super().place(replace(order, transmit=False)) + super().place(self._target)


class NoStopsAtAll(NoStops):
    """A broker that refuses every stop."""

    truth = RefusesStops(every=True)


class SilentlyDropsStops(Exchange):
    """A broker that says nothing of the stop, and lets entry and target go live."""

    def __init__(self, world, **more):
        super().__init__(world, **{**more, "truth": LosesStops()})


def test_an_unfilled_entry_without_its_stop_is_cancelled(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=SilentlyDropsStops) as desk:
            carried = await opened(desk, RESTING)
            return carried, await desk.broker.open_orders(), desk.statuses(), desk.alerts()

    carried, live, statuses, alerts = in_virtual_time(scenario)
    assert carried.status == "cancelled"
    assert live == ()
    assert set(statuses.values()) == {"cancelled"}
    assert alerts == ["bracket_incomplete"]


@pytest.mark.parametrize("broker", [NoStops, SilentlyDropsStops])
def test_a_filled_entry_without_its_stop_gets_one_of_its_own_in_the_group(tmp_path, broker):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=broker) as desk:
            carried = await opened(desk)
            live = await desk.broker.open_orders()
            return carried, live, desk.statuses(), desk.alerts()

    carried, live, statuses, alerts = in_virtual_time(scenario)
    assert carried.status == "repaired"
    target, stop = live
    assert (stop.order_ref, stop.order_type, stop.shares) == ("s1-1-stop2", "STP", 24)
    assert stop.oca_group == target.oca_group
    assert stop.parent_id == 0
    assert statuses["1-stop2"] == "resting"
    assert alerts == ["bracket_incomplete", "bracket_repaired"]


def test_a_position_that_no_stop_will_protect_is_closed(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=NoStopsAtAll) as desk:
            carried = await opened(desk)
            await take_executions(desk.broker, desk.book)
            held = await desk.broker.held()
            live = await desk.broker.open_orders()
            return carried, held, live, desk.ledger.positions(desk.book.account_id), desk.alerts()

    carried, held, live, in_ledger, alerts = in_virtual_time(scenario)
    assert carried.status == "flattened"
    assert held == ()
    assert live == ()
    assert in_ledger == {}
    assert alerts == ["bracket_incomplete", "stop_will_not_rest", "flattened"]


class Alters(Exchange):
    """A broker that accepts the stop at another price."""

    def place(self, order):
        if order.order_type == "STP" and order.parent_id:
            order.stop_price -= D("5")
        return super().place(order)


def test_a_leg_that_rests_at_another_price_is_not_taken_for_ours(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, exchange_class=Alters) as desk:
            carried = await opened(desk)
            stops = [o for o in await desk.broker.open_orders() if o.order_type == "STP"]
            return carried, stops

    carried, stops = in_virtual_time(scenario)
    assert carried.status == "repaired"
    assert [(stop.order_ref, stop.stop_price) for stop in stops] == [("s1-1-stop2", D("194"))]


def test_closing_reprices_the_target_and_the_stop_goes_with_the_fill(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await opened(desk)
            await take_executions(desk.broker, desk.book)
            close = replace(OPEN, intent=Intent.CLOSE, limit_price=D("199.50"))
            carried = await opened(desk, close)
            await take_executions(desk.broker, desk.book)
            return (
                carried,
                await desk.broker.open_orders(),
                await desk.broker.held(),
                desk.ledger.positions(desk.book.account_id),
            )

    carried, live, held, in_ledger = in_virtual_time(scenario)
    assert carried.status == "closing"
    assert (live, held, in_ledger) == ((), (), {})


def test_tightening_moves_the_resting_stop_and_reads_it_back(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await opened(desk)
            await take_executions(desk.broker, desk.book)
            carried = await opened(desk, replace(OPEN, intent=Intent.TIGHTEN, stop_price=D("197")))
            stops = [o for o in await desk.broker.open_orders() if o.order_type == "STP"]
            return carried, stops

    carried, stops = in_virtual_time(scenario)
    assert carried.status == "tightened"
    assert [stop.stop_price for stop in stops] == [D("197")]


def test_errors_on_the_error_channel_end_no_orders_life(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await opened(desk, RESTING)
            core = desk.gateway._core
            live = desk.gateway.exchange.open_orders()
            for code in (161, 104, 105, 10148, 201, 10349, 463):
                core.tell([Refused(21, one.order_id, code, "made up", one) for one in live])
            desk.gateway._flush()
            await asyncio.sleep(0.1)
            notices = desk.broker.notices_of(live[0].order_id)
            library = {t.orderStatus.status for t in desk.broker._orders.ib.trades()}
            return await desk.broker.open_orders(), notices, library

    live, notices, library = in_virtual_time(scenario)
    assert "Cancelled" not in library  # the library's own habit is overridden too
    assert [order.status for order in live] == ["Submitted", "PreSubmitted", "PreSubmitted"]
    assert len(notices) == 7


def test_an_agreeing_broker_reconciles_clean_and_a_foreign_position_does_not(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await opened(desk)
            clean = await reconcile(desk.broker, desk.book)
            exchange = desk.gateway.exchange
            exchange.books.apply(exchange.by_con_id[2], "BUY", 100, D("380"), D("20"))
            exchange.books.apply(exchange.by_con_id[1], "BUY", 5, D("200"), D("1"))
            found = await reconcile(desk.broker, desk.book)
            return clean, found, await desk.broker.held()

    clean, found, held = in_virtual_time(scenario)
    assert clean.findings == ()
    kinds = sorted((finding.symbol, finding.kind) for finding in found.findings)
    assert kinds == [
        ("700", "broker_only"),
        ("700", "unprotected"),
        ("AAPL", "quantity"),
        ("AAPL", "unprotected"),
    ]
    assert not found.clean
    assert len(held) == 2  # nothing was closed


def test_how_orders_ended_is_settled_from_the_brokers_lists(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            await opened(desk, RESTING)
            await asyncio.sleep(8 * 3600)  # past the close: the entry is a day order
            live = await desk.broker.open_orders()
            unknown = settle_orders(desk.book, live, await desk.broker.completed_orders())
            return unknown, desk.statuses()

    unknown, statuses = in_virtual_time(scenario)
    assert unknown == []
    assert statuses == {"1-entry": "expired", "1-target": "expired", "1-stop": "expired"}


def test_a_view_counts_what_is_held_and_what_may_still_fill(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, TinyWorld(volume=100)) as desk:
            await opened(desk, RESTING)
            before = await desk.viewer.view("AAPL")
            await asyncio.sleep(60)
            return before

    view = in_virtual_time(scenario)
    [entry] = view.entries
    assert (entry.symbol, entry.shares, entry.stop_price) == ("AAPL", 25, D("194"))
    assert view.orders_today == 1
    assert view.atr == D("4")
    assert view.account.fx["HKD"] == D("0.1280000")


def test_the_seat_is_held_once_and_released_with_its_holder(tmp_path):
    with seat(tmp_path, "first"):
        assert holder(tmp_path).startswith("first")
        with pytest.raises(SeatTaken, match="first"), seat(tmp_path, "second"):
            pass
    assert holder(tmp_path) is None
    with seat(tmp_path, "third"):
        pass


def test_a_halt_survives_and_only_resume_leaves_it(tmp_path):
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as ledger:
        assert standing(ledger, tmp_path).state is State.NORMAL
        halt(ledger, tmp_path, at=NOON, actor="test", reason="because")
    with Ledger.open(path) as ledger:
        assert standing(ledger, tmp_path).state is State.HALTED
        (tmp_path / "HALT").unlink()
        assert standing(ledger, tmp_path).reason == "because"
        resume(ledger, tmp_path, at=NOON, actor="test", reason="fine")
        assert standing(ledger, tmp_path).state is State.NORMAL
        (tmp_path / "HALT").write_text("", encoding="utf-8")
        assert standing(ledger, tmp_path).state is State.HALTED
