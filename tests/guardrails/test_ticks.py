"""Prices land on the ladder, to the named side, checked against a second rounder and a table."""

import asyncio
import csv
import json
from bisect import bisect_right
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails import tick_tables, ticks
from guardrails.terms import Market, Quote, Step
from tests.support.guarding import (
    AAPL,
    HELD,
    HK_LADDER,
    NOW,
    TENCENT,
    US_LADDER,
    VIEW,
    with_limits,
)
from tools import Breadth, Toolset
from tools.floor import Outcome

FACTS = Path(__file__).resolve().parents[3] / "shared" / "facts"


def grid(ladder, top):
    """Every legal price up to `top`, by counting: another way than dividing."""
    prices, price = [], D(0)
    while price <= top:
        step = [one for one in ladder if one.from_price <= price][-1]
        price += step.tick
        prices.append(price)
    return prices


HK_GRID = grid(HK_LADDER, D(60))


@settings(deadline=None)
@given(st.decimals(min_value=D("0.01"), max_value=D(59), places=6))
def test_down_and_up_are_the_neighbours_on_the_counted_grid(price):
    below = HK_GRID[bisect_right(HK_GRID, price) - 1]
    above = below if below == price else HK_GRID[bisect_right(HK_GRID, price)]
    assert ticks.down(price, HK_LADDER) in (below, above)
    assert ticks.up(price, HK_LADDER) in (below, above)
    noise = max(D("1e-9"), D("1e-7") * price)
    if min(price - below, above - price) > noise:
        assert ticks.down(price, HK_LADDER) == below
        assert ticks.up(price, HK_LADDER) == above


def test_float_noise_is_removed_before_rounding():
    assert ticks.up(D("9.050000190734863"), HK_LADDER) == D("9.05")
    assert ticks.down(D("9.049999809265137"), HK_LADDER) == D("9.05")
    assert ticks.up(D("9.0500100"), HK_LADDER) == D("9.055")


@pytest.mark.parametrize(
    ("price", "tick"),
    [("0.9999", "0.0001"), ("1", "0.01"), ("1.5", "0.01")],
)
def test_the_tick_is_that_of_the_last_step_at_or_below_the_price(price, tick):
    assert ticks.tick_at(D(price), US_LADDER) == D(tick)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_no_price_is_an_error(price):
    with pytest.raises(ValueError, match="price must be"):
        ticks.down(D(price), US_LADDER)


def test_no_ladder_and_a_price_below_it_are_errors():
    with pytest.raises(ValueError, match="known ladder"):
        ticks.down(D(1), ())
    with pytest.raises(ValueError, match="known ladder"):
        ticks.down(D(1), (Step(D(2), D(1)),))


def test_nothing_is_below_the_lowest_price_of_a_ladder():
    with pytest.raises(ValueError, match=r"not above 0\.00005"):
        ticks.down(D("0.00005"), US_LADDER)
    assert ticks.up(D("0.00005"), US_LADDER) == D("0.0001")
    assert ticks.down(D("0.0001"), US_LADDER) == D("0.0001")
    with pytest.raises(ValueError, match="not above 1E-10"):
        ticks.down(D("1E-10"), US_LADDER)  # near zero within the noise, and zero is no price
    assert ticks.up(D("1E-10"), US_LADDER) == D("0.0001")
    begins = (Step(D("1.01"), D("0.05")),)
    with pytest.raises(ValueError, match=r"not above 1\.02"):
        ticks.down(D("1.02"), begins)
    assert ticks.up(D("1.02"), begins) == D("1.05")


# On a ladder made of two an edge need not be a multiple of the ticks beside it

ODD = (Step(D("0"), D("0.05")), Step(D("0.25"), D("0.02")), Step(D("0.33"), D("0.1")))


@pytest.mark.parametrize(
    ("price", "below", "above"),
    [
        ("0.20", "0.20", "0.20"),
        ("0.21", "0.20", "0.26"),  # 0.25 is a price of the step above it, which does not take it
        ("0.25", "0.20", "0.26"),
        ("0.259", "0.20", "0.26"),
        ("0.26", "0.26", "0.26"),
        ("0.321", "0.32", "0.4"),
        ("0.33", "0.32", "0.4"),
        ("0.39", "0.32", "0.4"),
        ("0.41", "0.4", "0.5"),
        ("0.2499999999", "0.20", "0.26"),  # a float's noise away from an edge that is no price
        ("0.2599999999", "0.26", "0.26"),
        ("0.3399999999", "0.32", "0.4"),
    ],
)
def test_rounding_across_an_edge_that_is_no_price(price, below, above):
    assert ticks.down(D(price), ODD) == D(below)
    assert ticks.up(D(price), ODD) == D(above)


TICKS = st.sampled_from([D(t) for t in ("0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1")])
EDGES = st.integers(1, 1000).map(lambda edge: D(edge) / 1000)
LADDERS = st.dictionaries(EDGES, TICKS, max_size=4).flatmap(
    lambda steps: TICKS.map(
        lambda first: (Step(D(0), first), *(Step(edge, steps[edge]) for edge in sorted(steps)))
    )
)
MILLS = [D(mill) / 1000 for mill in range(1, 1300)]


@settings(deadline=None)
@given(LADDERS, st.integers(1, 2000).map(lambda half: D(half) / 2000))
def test_on_any_ladder_down_and_up_are_the_neighbours_by_looking_at_every_price(ladder, price):
    legal = [one for one in MILLS if one % ticks.tick_at(one, ladder) == 0]
    below = [one for one in legal if one <= price]
    assert ticks.up(price, ladder) == next(one for one in legal if one >= price)
    if below:
        assert ticks.down(price, ladder) == below[-1]
    else:
        with pytest.raises(ValueError, match="no price of the ladder"):
            ticks.down(price, ladder)


def test_every_row_of_the_tick_table_rounds_as_it_says(shared_facts):
    """For a buy the careful side is down, for a sell up ("passive" in the table)."""
    rows = list(csv.DictReader((shared_facts / "tick_cases.csv").open(encoding="utf-8")))
    # Rows without a tick lie outside the exchange's whole price range: no ladder knows that range.
    inside = [row for row in rows if row["tick"]]
    assert len(rows) - len(inside) == 4
    for row in inside:
        ladder = (Step(D(0), D(row["tick"])),)  # the ladder itself is the broker's to tell
        rounder = {"BUY": ticks.down, "SELL": ticks.up}[row["side"]]
        assert rounder(D(row["price_in"]), ladder) == D(row["expected_passive"]), row


# The same rows through propose_order: what the ticket says, on the ladder of the day and class


def rows():
    """Every row, or one None: then the test skips, as the fixture of the sheets says."""
    path = FACTS / "tick_cases.csv"
    if not path.is_file():
        return [None]
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROWS = rows()
WIDE = with_limits(
    position_value_max=D(10**9),
    position_risk_max=D(10**9),
    gross_exposure_max=D(10**9),
    day_loss_max=D(10**9),
    sector_pct_max=D(100),
    collar_bps=D(9000),
    close_collar_bps=D(9000),  # a tick can be most of a price of two ticks
    stop_distance_bps_min=D(1),
    stop_distance_bps_max=D(9999),
    stop_distance_ticks_min=1,
    target_distance_bps_max=D(10**6),
    reward_risk_min=D("0.01"),
    allow_short=True,
)
RICH = replace(
    VIEW.account,
    net_liquidation_base=D(10**9),
    available_funds_base=D(10**9),
)
MARKETS = {"SEHK": (Market.HK, TENCENT), "US": (Market.US, AAPL)}
KINDS = {"equity": "COMMON", "etp": "ETF"}  # the broker's words for classes of the sheet
SIDES = {"BUY": "long", "SELL": "short"}  # the side an opening order of that action has
EXITING = {"BUY": "short", "SELL": "long"}  # the side that an order of that action leaves


def ladder_of(facts, table_id):
    """A table of the sheet as the broker tells it: steps with their lower edge.

    The sheet counts a Hong Kong edge to the band below it; a price on the edge is on both grids.
    """
    sheet = yaml.safe_load((facts / "market_facts.yaml").read_text(encoding="utf-8"))
    [table] = [one for one in sheet["tick_tables"] if one["id"] == table_id]
    if "bands_low_inclusive" in table:
        return tuple(Step(D(low), D(tick)) for low, tick in table["bands_low_inclusive"])
    edges = ["0", *[upper for upper, _ in table["bands"]]]
    return tuple(
        Step(D(low), D(tick)) for low, (_, tick) in zip(edges, table["bands"], strict=False)
    )


class OneStock:
    """A desk that sees one stock at one price; it records and sends nothing."""

    def __init__(self, view):
        self._view, self.tickets = view, []

    async def view(self, symbol):
        return self._view

    async def submit(self, raw, proposal, ruling):
        self.tickets.append(ruling.ticket)
        return Outcome(proposal_id=1, status="resting", legs=(), says="")


def proposed(view, told):
    """The ticket of a proposal and the rules that refused it. Prices are given as they are written.

    told: JSON text by key.
    """
    floor = OneStock(view)
    toolset = Toolset(floor=floor, limits=WIDE, breadth=Breadth(rows=1, candidates=1))
    raw = "{" + ", ".join(f"{json.dumps(key)}: {text}" for key, text in told.items()) + "}"
    answer = asyncio.run(toolset.call("propose_order", raw))
    refusals = [one["rule"] for one in json.loads(answer.text).get("refused_by", ())]
    return floor.tickets[0], refusals


def stock_of(row, facts):
    """The row's stock, with the ladder in force on its day, in lots of one.

    The ladder is the dated table's for shares and funds; the sheet's alone for what no table of
    ours is for: debt and structured products.
    """
    market, stock = MARKETS[row["market"]]
    ladder, kind = ladder_of(facts, row["table_id"]), KINDS.get(row["instrument_class"])
    if kind is not None:
        dated = tick_tables.table(market, kind, date.fromisoformat(row["on_date"]))
        assert dated == ladder
    return replace(stock, lot=1, ladder=ladder)


def seen_at(price, stock, positions=()):
    quote = Quote(bid=price, ask=price, last=price, at=NOW, is_realtime=True)
    return replace(
        VIEW, account=RICH, instrument=stock, quote=quote, atr=price / 100, positions=positions
    )


def opening(row, stock):
    """An opening at the row's price, its stop and target a tenth away or more."""
    price = D(row["price_in"])
    away = max(price / 10, 2 * ticks.tick_at(price, stock.ladder))
    losing = {"BUY": price - away, "SELL": price + away}[row["side"]]
    winning = {"BUY": price + 2 * away, "SELL": max(price - 2 * away, price / 4)}[row["side"]]
    return {
        "intent": '"open"',
        "symbol": json.dumps(stock.symbol),
        "side": json.dumps(SIDES[row["side"]]),
        "limit_price": row["price_in"],
        "stop_price": f"{losing:.6f}",
        "target_price": f"{winning:.6f}",
        "confidence": "0.9",
        "thesis": '"A row of the table."',
    }


def held(row, stock, stop):
    """A position that an order of the row's action reduces."""
    signed = {"BUY": -20, "SELL": 20}[row["side"]]
    return replace(HELD, symbol=stock.symbol, market=stock.market, shares=signed, stop_price=stop)


def named(row):
    return "absent" if row is None else row["id"]


def is_opened(row):
    """Whether the row can be an opening: no short on SEHK, and room for a stop below a buy."""
    if row is None:
        return True
    far = row["tick"] == "" or D(row["price_in"]) > 5 * D(row["tick"])
    return far and (row["side"] == "BUY" or row["market"] == "US")


@pytest.mark.parametrize("row", [row for row in ROWS if is_opened(row)], ids=named)
def test_an_entry_goes_out_at_the_price_of_the_table(row, shared_facts):
    stock = stock_of(row, shared_facts)
    ticket, refusals = proposed(seen_at(D(row["price_in"]), stock), opening(row, stock))
    if row["expected_passive"] == "REJECT":
        assert ticket is None
        assert "entry_in_collar" in refusals
    else:
        assert refusals == []
        assert ticket.action == row["side"]
        assert ticket.limit_price == D(row["expected_passive"])


@pytest.mark.parametrize("row", [row for row in ROWS if row is None or row["tick"]], ids=named)
def test_a_closing_goes_out_at_the_price_of_the_table(row, shared_facts):
    stock = stock_of(row, shared_facts)
    view = seen_at(D(row["price_in"]), stock, (held(row, stock, None),))
    told = {"intent": '"close"', "symbol": json.dumps(stock.symbol)}
    told |= {"side": json.dumps(EXITING[row["side"]]), "limit_price": row["price_in"]}
    ticket, refusals = proposed(view, told)
    assert refusals == []
    assert ticket.action == row["side"]
    assert ticket.limit_price == D(row["expected_passive"])


@pytest.mark.parametrize("row", [row for row in ROWS if row is None or row["tick"]], ids=named)
def test_a_stop_is_tightened_to_the_price_of_the_table(row, shared_facts):
    """A sell stop rounds up and a buy stop down: toward the price, as a passive limit does."""
    stock, price = stock_of(row, shared_facts), D(row["price_in"])
    resting, market = {"SELL": (price / 2, 2 * price), "BUY": (2 * price, price / 2)}[row["side"]]
    view = seen_at(market, stock, (held(row, stock, resting),))
    told = {"intent": '"tighten"', "symbol": json.dumps(stock.symbol)}
    told |= {"side": json.dumps(EXITING[row["side"]]), "stop_price": row["price_in"]}
    ticket, refusals = proposed(view, told)
    assert refusals == []
    assert ticket.stop_price == D(row["expected_passive"])
