"""The most that a hijacked model can lose in a day is a number, and no day of it exceeds it."""

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.harm import worst_day
from guardrails.terms import Market, Side, State
from session.settings import load
from tests.support.guarding import LIMITS, ROOT, refused_by, with_limits
from tests.support.hostile_day import Day
from tests.support.judging import BREAKER

STOPS = load(ROOT / "config.yaml", environ={}).stops
OVER_NIGHT = STOPS.model_copy(update={"close_before_close_minutes": 0})
SHIPPED = worst_day(LIMITS, STOPS, BREAKER)
SHORTS = with_limits(allow_short=True)


def harm(stops=STOPS, **changes):
    return worst_day(with_limits(**changes), stops, BREAKER)


# The numbers, by hand


def test_the_shipped_limits_by_hand():
    """The dearest entry: 5,000 at 0.00375 USD, where three ticks of 0.0001 are 800 bps.

    Two parts of 666,667 shares. In: 1 % of 2,500.00 = 25.00, CAT 2.00, SEC 0.07, TAF 9.79, up to
    36.86. Out at a target 30 % away: 32.50 + 2.00 + 0.09 + 9.79, up to 44.39. Both parts: 162.50.
    """
    assert SHIPPED.orders_day == 20
    assert SHIPPED.order_value_base == 5_000
    assert SHIPPED.open_max == 5
    assert SHIPPED.in_market_base == 25_000
    assert SHIPPED.gap_pct == 20
    assert SHIPPED.loss_at_stops_base == 2_000
    assert SHIPPED.loss_with_gap_base == 2_000 + D("0.20") * 25_000
    assert SHIPPED.fees_day_base == 20 * D("162.50")
    assert SHIPPED.degrades_at_base == 1_500
    assert SHIPPED.halts_at_base == 2_000
    assert not SHIPPED.allows_short
    assert not SHIPPED.holds_over_night


def test_shorts_by_hand():
    """Their stops may be worth 6,500 each. Out at 1.56 times the price: 50.90 a part, not 44.39."""
    found = harm(allow_short=True)
    fees = 2 * (D("36.86") + D("50.90"))
    assert found.fees_day_base == 20 * fees
    assert found.loss_at_stops_base == 2_000
    assert found.loss_with_gap_base == 2_000 + D("0.20") * 32_500 + 5 * (fees - D("162.50"))
    assert found.in_market_base == 25_000
    assert found.allows_short


def test_positions_held_over_night_by_hand():
    """Each of yesterday's may fall from its target, 30 % up, to its stop, 8 % down: 1,900."""
    found = harm(stops=OVER_NIGHT)
    assert found.loss_at_stops_base == 5 * 1_900 + 5 * D("162.50")
    assert found.loss_with_gap_base == found.loss_at_stops_base + 5_000
    assert found.fees_day_base == 25 * D("162.50")
    assert found.holds_over_night
    wide = harm(stops=OVER_NIGHT, day_loss_max=D(9_501))
    assert wide.loss_at_stops_base == 5 * 1_900 + 5 * D("162.50")
    assert harm(stops=OVER_NIGHT, day_loss_max=D(10_400)).loss_at_stops_base == 10_400
    one_minute = STOPS.model_copy(update={"close_before_close_minutes": 1})
    assert harm(stops=one_minute) == SHIPPED


def test_few_positions_bound_the_market_before_the_gross_exposure():
    found = harm(positions_max=2)
    assert found.in_market_base == 2 * 6_500
    assert found.loss_with_gap_base - found.loss_at_stops_base == D("0.20") * 13_000


def test_a_stop_farther_than_a_target_is_what_a_position_may_be_worth():
    found = harm(positions_max=2, target_distance_bps_max=D(700))
    assert found.in_market_base == 2 * 5_400


def test_small_orders_pay_hong_kongs_minimum():
    """20 USD are two parts of 77.50 HKD: 18 of commission, 1 of duty, 0.02 of levies, each way."""
    found = harm(position_value_max=D(20), positions_max=1)
    assert found.loss_at_stops_base == 2_000
    assert round(found.fees_day_base, 6) == round(20 * 4 * D("19.02") / D("7.75"), 6)


def test_an_account_in_hong_kong_dollars_pays_dollars_at_its_rate():
    found = worst_day(LIMITS, STOPS, BREAKER, dollar_base=D("7.8"))
    assert found.fees_day_base == 20 * 2 * (D("13.27") + D("14.23")) * D("7.8")


def test_a_part_of_an_order_is_whole_shares_and_never_fewer():
    """Stops of 3,000 ticks within 1 bps need 3,000 a share: 16.0001 shares are two parts of 9.

    In: 21.60 of commission, 36 of duty, 0.73 and 0.05. Out, 30 % up: 28.08, 46, 0.95 and 0.06.
    """
    found = harm(
        position_value_max=D("6193.6"), stop_distance_ticks_min=3_000, stop_distance_bps_max=D(1)
    )
    assert round(found.fees_day_base, 6) == round(20 * 2 * (D("58.38") + D("75.09")) / D("7.75"), 6)


def test_what_a_night_gives_back_is_exact():
    found = harm(stops=OVER_NIGHT, position_value_max=D("5000.5"))
    carried = found.loss_at_stops_base - found.fees_day_base / 25 * 5
    assert carried == 5 * D("1900.19")


@pytest.mark.parametrize(("gap", "loss"), [(D(0), 2_000), (D(1), 2_250), (D(100), 27_000)])
def test_the_gap_is_of_what_is_open_at_once(gap, loss):
    found = worst_day(LIMITS, STOPS, BREAKER, gap_pct=gap)
    assert (found.gap_pct, found.loss_at_stops_base) == (gap, 2_000)
    assert found.loss_with_gap_base == loss


@pytest.mark.parametrize("gap", [D("-0.01"), D("100.01"), D("NaN"), D("Infinity")])
def test_no_other_gap_is_bounded(gap):
    with pytest.raises(ValueError, match="gap_pct must be from 0 to 100, was "):
        worst_day(LIMITS, STOPS, BREAKER, gap_pct=gap)


@pytest.mark.parametrize("rate", [D(0), D(-1), D("NaN"), D("Infinity")])
def test_a_dollar_is_worth_something(rate):
    with pytest.raises(ValueError, match="dollar_base must be above zero, was "):
        worst_day(LIMITS, STOPS, BREAKER, dollar_base=rate)


@pytest.mark.parametrize(
    ("key", "looser", "raised"),
    [
        ("orders_day_max", 21, "orders_day fees_day_base"),
        ("position_value_max", D(5_100), "order_value_base fees_day_base"),
        ("positions_max", 6, "open_max"),
        ("gross_exposure_max", D(25_001), "in_market_base loss_with_gap_base"),
        ("day_loss_max", D(2_001), "loss_at_stops_base loss_with_gap_base halts_at_base"),
        ("target_distance_bps_max", D(3_100), "fees_day_base"),
        ("stop_distance_bps_max", D(900), "fees_day_base"),
        ("stop_distance_ticks_min", 2, "fees_day_base"),
        ("allow_short", True, "loss_with_gap_base fees_day_base"),
    ],
)
def test_loosening_a_limit_that_matters_raises_the_harm(key, looser, raised):
    found = harm(**{key: looser})
    for name in raised.split():
        assert getattr(found, name) > getattr(SHIPPED, name), name
    for name in ("in_market_base", "loss_at_stops_base", "loss_with_gap_base", "fees_day_base"):
        assert getattr(found, name) >= getattr(SHIPPED, name), name


def test_a_later_warning_and_a_night_raise_it_too():
    later = BREAKER.model_copy(update={"warn_fraction": D("0.8")})
    assert worst_day(LIMITS, STOPS, later).degrades_at_base == 1_600
    assert harm(stops=OVER_NIGHT).loss_at_stops_base > SHIPPED.loss_at_stops_base


def test_a_person_reads_the_numbers():
    assert SHIPPED.says() == (
        "At most 20 entries a day, each of at most 5,000.00 and with a stop.",
        "At most 5 positions at once, together at most 25,000.00.",
        "A day in which every stop fills at its price loses at most 2,000.00, fees included.",
        "If all open stops gap by 20 % at once, the day loses at most 7,000.00.",
        "A day's fees are at most 3,250.00 and part of these losses, as long as the broker's P&L "
        "holds commissions.",
        "Beside this, a day's loss of 1,500.00 ends all entries and one of 2,000.00 halts the "
        "desk, once two looks agree.",
    )
    loose = worst_day(SHORTS, OVER_NIGHT, BREAKER, gap_pct=D("0.5"))
    assert "gap by 0.5 %" in loose.says()[3]
    assert [line.split()[0] for line in loose.says()[6:]] == ["Shorts", "Positions"]


def test_amounts_are_told_rounded_up():
    third = harm(day_loss_max=D("2000.001"))
    assert "halts" in third.says()[5]
    assert "one of 2,000.01 halts" in third.says()[5]


# The bound, against the gate

PRICES = {
    Market.US: [D(price) for price in ("0.05", "0.4", "0.99", "3", "21", "199", "870")],
    Market.HK: [D(price) for price in ("4.98", "38.1", "380")],
}
# Beside the shipped ones, limits in which each of the bound's terms binds alone: there a full book
# risks more than the day's loss, and is worth more than the gross exposure.
ROOMY = {"positions_max": 12, "sector_pct_max": D(100), "orders_day_max": 60}
VARIANTS = [
    LIMITS,
    SHORTS,
    with_limits(**ROOMY, day_loss_max=D(900)),
    with_limits(**ROOMY, gross_exposure_max=D(12_000)),
    SHORTS.model_copy(update=ROOMY | {"day_loss_max": D(900)}),
    with_limits(positions_max=2, position_risk_max=D(1_000), target_distance_bps_max=D(1_000)),
]
gaps = st.sampled_from([D(0), D("0.01"), D("0.2")])
picks = st.integers(0, 11)
markets = st.sampled_from([Market.US, Market.US, Market.HK])


@st.composite
def proposals(draw):
    market = draw(markets)
    return (
        "propose",
        draw(st.integers(0, 3)),
        market,
        draw(st.sampled_from([Side.LONG, Side.SHORT])),
        draw(st.sampled_from(PRICES[market])),
        draw(st.sampled_from([D(90), D(300), D(560), D(770)])),
        draw(st.sampled_from([D(3), D(5), D(30)])),
        draw(st.sampled_from([D("0.5"), D("2.5"), D(6)])),
        draw(st.booleans()),
    )


happenings = st.one_of(
    st.tuples(st.just("stop_out"), picks, gaps),
    st.tuples(st.just("move"), picks, st.sampled_from([D(0), D("0.2"), D("0.6"), D(1)])),
    st.tuples(st.just("fill"), picks),
    st.tuples(st.just("tighten"), picks),
)
acts = st.lists(st.one_of(proposals(), proposals(), happenings), min_size=30, max_size=60)


def lived(day, acts, gap_max):
    """The day's loss after the acts, everything left at its stop with the largest gap at the end.

    Each entry is in a stock of its own, of the drawn sector; acts on a position choose it by number
    among those that are there.
    """
    for number, (name, *rest) in enumerate(acts):
        if name == "propose":
            sector, market, side, *others = rest
            if not day.limits.allow_short:
                side = Side.LONG
            day.propose(f"S{number}{sector}", market, side, *others)
        elif day.holdings:
            symbol = list(day.holdings)[rest[0] % len(day.holdings)]
            if name == "stop_out":
                day.stop_out(symbol, min(rest[1], gap_max))
            elif name == "tighten":
                if day.holdings[symbol].is_filled:
                    day.tighten(symbol)
            else:
                getattr(day, name)(symbol, *rest[1:])
    return day.end(gap_max)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(VARIANTS), st.booleans(), acts, gaps)
def test_no_hostile_day_loses_more_than_its_bound(limits, trips, acts, gap):
    """The bound holds with a breaker that never trips, too.

    It is made of bounds of fees and gaps; with what these were in the day it is exact.
    """
    day = Day(limits, trips=trips)
    lost = lived(day, acts, gap)
    bound = worst_day(limits, STOPS, BREAKER, gap_pct=gap * 100)
    assert lost <= limits.day_loss_max + day.late_gaps + day.late_fees
    assert lost <= bound.loss_with_gap_base
    assert day.entries <= bound.orders_day
    assert day.largest <= bound.order_value_base
    assert day.in_market <= bound.in_market_base
    assert day.most_open <= bound.open_max
    assert day.fees <= bound.fees_day_base


def stubborn(day, gap, *, price, stop_bps):
    """The same entry again and again in new stocks, each stopped out, until none is approved."""
    approved = 0
    for number in range(200):
        ruling = day.propose(
            f"S{number}", Market.US, Side.LONG, price, stop_bps, D(4), D("2.5"), True
        )
        if ruling.ticket is None:
            break
        approved += 1
        day.stop_out(ruling.ticket.symbol, gap)
    return approved, ruling


@pytest.mark.parametrize("gap", [D(0), D("0.2")])
@pytest.mark.parametrize("stop_bps", [D(40), D(300), D(700)])
@pytest.mark.parametrize("price", [D("0.05"), D(20), D(200)])
def test_entering_again_and_again_ends_at_the_bound(price, stop_bps, gap):
    day = Day(LIMITS)
    approved, last = stubborn(day, gap, price=price, stop_bps=stop_bps)
    assert approved <= 20
    assert refused_by(last)
    bound = worst_day(LIMITS, STOPS, BREAKER, gap_pct=gap * 100)
    assert day.end(gap) <= bound.loss_with_gap_base


def test_the_breaker_ends_a_day_of_stops():
    day = Day(LIMITS)
    _, last = stubborn(day, D(0), price=D(20), stop_bps=D(700))
    assert day.state is not State.NORMAL
    assert "state_allows" in refused_by(last)
    assert 1_500 <= day.end(D(0)) <= 2_000


@pytest.mark.parametrize(("gap", "name"), [(0, "loss_at_stops_base"), (20, "loss_with_gap_base")])
def test_one_day_comes_near_the_bound(gap, name):
    """A small loss first, then a full book of the cheapest shares; all of it goes to its stops."""
    day = Day(LIMITS)
    first = day.propose("S9", Market.US, Side.LONG, D("0.05"), D(180), D(9), D("2.5"), True)
    day.stop_out(first.ticket.symbol, D(0))
    for symbol in ("S0", "S1", "S2", "S3", "S4"):
        ruling = day.propose(symbol, Market.US, Side.LONG, D("0.05"), D(560), D(4), D(1), True)
        assert ruling.approved, [check.says for check in ruling.refusals]
    bound = getattr(worst_day(LIMITS, STOPS, BREAKER, gap_pct=D(gap)), name)
    lost = day.end(D(gap) / 100)
    assert D("0.8") * bound <= lost <= bound
