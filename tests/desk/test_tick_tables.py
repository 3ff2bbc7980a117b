"""A broker's ladder that its exchange does not bear out: told once, and prices are on both grids.

The gateway serves it over the wire; the desk, its ledger and the tools are the real ones.
"""

import json
from dataclasses import replace
from decimal import Decimal as D

from desk.orders import carry_out
from guardrails.terms import Intent, Proposal, Side, Step
from session.floor import Floor
from tests.desk.test_orders import NoStopsAtAll
from tests.support.desk import OPEN, desk_on, in_virtual_time
from tests.support.guarding import HK_LADDER, LIMITS, US_LADDER
from tests.support.tiny import RULES, TinyWorld, flat
from tools import Breadth, Toolset

COARSE = ((D(0), D("0.0001")), (D(1), D("0.025")))  # with 0.01 it gives 0.05
BEFORE_2025 = (
    *((D(0), D("0.001")), (D("0.25"), D("0.005")), (D("0.5"), D("0.01")), (D(10), D("0.02"))),
    *((D(20), D("0.05")), (D(100), D("0.1")), (D(200), D("0.2")), (D(500), D("0.5"))),
    *((D(1000), D(1)), (D(2000), D(2)), (D(5000), D(5))),
)


class Otherwise(TinyWorld):
    """A world with other market rules than the exchange has."""

    def __init__(self, rules, minutes=None):
        super().__init__(minutes)
        self._rules = RULES | rules

    def market_rule(self, rule_id):
        return self._rules.get(rule_id)


COARSE_SAYS = (
    "AAPL: price steps differ from Rule 612: from 1 upward the broker says 0.025 and the table "
    "0.01. Only prices on both are used."
)


def alerts_of(desk):
    """(event, severity, text) of each alert in the ledger."""
    rows = desk.ledger.alerts("s1")
    return [(row["event"], row["severity"], row["text"]) for row in rows]


def test_a_disagreement_is_told_once_a_symbol_and_orders_go_out_on_the_careful_grid(tmp_path):
    between = replace(
        OPEN, limit_price=D("199.93"), stop_price=D("194.01"), target_price=D("215.04")
    )

    async def scenario():
        async with desk_on(tmp_path, Otherwise({26: COARSE})) as desk:
            number, ruling = await desk.ruled(between)
            carried = await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            view = await desk.viewer.view("AAPL")
            live = await desk.broker.open_orders()
            return carried.status, view.instrument, live, alerts_of(desk)

    status, instrument, live, alerts = in_virtual_time(scenario)
    assert alerts == [("tick_tables_disagree", "warning", COARSE_SAYS)]
    assert instrument.ladder == (Step(D(0), D("0.0001")), Step(D(1), D("0.05")))
    assert status == "resting"
    prices = {(one.limit_price, one.stop_price) for one in live}
    assert prices == {(D("199.90"), None), (D("215.00"), None), (None, D("194.05"))}


def test_a_way_out_is_rounded_onto_the_careful_grid_too(tmp_path):
    leave = Proposal(intent=Intent.CLOSE, symbol="AAPL", side=Side.LONG, limit_price=D("199.91"))

    async def scenario():
        async with desk_on(tmp_path, Otherwise({26: COARSE})) as desk:
            number, ruling = await desk.ruled(OPEN)
            await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            _, ruling = await desk.ruled(leave)
            return ruling.ticket, alerts_of(desk)

    ticket, alerts = in_virtual_time(scenario)
    assert ticket.limit_price == D("199.95")
    assert len(alerts) == 1


def test_what_cannot_be_protected_leaves_on_the_careful_grid_too(tmp_path):
    minutes = {n: flat("200.05") for n in range(60)}
    marketable = replace(OPEN, limit_price=D("200.15"))

    async def scenario():
        world = Otherwise({26: COARSE}, minutes)
        async with desk_on(tmp_path, world, exchange_class=NoStopsAtAll) as desk:
            number, ruling = await desk.ruled(marketable)
            carried = await carry_out(desk.hands, ruling.ticket, number, lambda: desk.state)
            left = "SELECT order_type, limit_price FROM intents WHERE leg = 'close'"
            return carried, desk.ledger.rows(left)

    carried, [left] = in_virtual_time(scenario)
    assert carried.status == "flattened"
    # 0.5 % below the bid of 200.05 is 199.04975: 199.025 for the broker alone.
    assert (left["order_type"], D(left["limit_price"])) == ("LMT", D("199.00"))


def test_nothing_is_opened_on_ladders_that_share_no_grid(tmp_path):
    nonsense = ((D(0), D("0.0001")), (D(1), D("0.01003")))

    async def scenario():
        async with desk_on(tmp_path, Otherwise({26: nonsense})) as desk:
            _, refused = await desk.ruled(OPEN)
            told = alerts_of(desk)
        return refused, told

    refused, [(event, _, text)] = in_virtual_time(scenario)
    assert refused.ticket is None
    assert event == "tick_tables_disagree"
    assert text.endswith("None are used.")


def test_the_quote_tool_shows_the_careful_tick(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, Otherwise({26: COARSE})) as desk:
            floor = Floor(
                broker=desk.broker,
                book=desk.book,
                viewer=desk.viewer,
                hands=desk.hands,
                state=desk.viewer.state,
                price_min=D(1),
            )
            toolset = Toolset(floor=floor, limits=LIMITS, breadth=Breadth(rows=1, candidates=1))
            return json.loads((await toolset.call("quote", '{"symbol": "AAPL"}')).text)

    assert in_virtual_time(scenario)["tick"] == 0.05


def test_each_symbol_is_told_of_by_itself(tmp_path):
    async def scenario():
        world = Otherwise({26: COARSE, 100: BEFORE_2025})
        async with desk_on(tmp_path, world) as desk:
            for symbol in ("700", "AAPL", "700", "AAPL"):
                view = await desk.viewer.view(symbol)
            tencent = await desk.viewer.instrument("700")
            assert view.instrument == await desk.viewer.instrument("AAPL")
            return tencent, [text for _, _, text in alerts_of(desk)]

    tencent, [first, second] = in_virtual_time(scenario)
    ticks = {step.from_price: step.tick for step in tencent.ladder}
    assert ticks[D(20)] == D("0.10")  # 0.05 against 0.02
    assert ticks[D(10)] == D("0.02")
    assert ticks[D(50)] == D("0.05")
    assert first.startswith("700: price steps differ from HKEX Part A, phase 2: from 0.5 to 10 ")
    assert second == COARSE_SAYS


def test_where_they_agree_nobody_is_told(tmp_path):
    async def scenario():
        async with desk_on(tmp_path) as desk:
            seen = [(await desk.viewer.view(one)).instrument for one in ("AAPL", "700")]
            unknown = await desk.viewer.instrument("NONE")
            return seen, unknown, alerts_of(desk)

    [apple, tencent], unknown, alerts = in_virtual_time(scenario)
    assert alerts == []
    assert unknown is None
    assert apple.ladder == US_LADDER
    assert tencent.ladder[: len(HK_LADDER)] == HK_LADDER
