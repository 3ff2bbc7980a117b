"""Every check of an opening refuses just over its limit, passes at it, and says its numbers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from guardrails import rule
from guardrails.terms import Action, Hours, Market, Side, State
from tests.support.guarding import (
    AAPL,
    ACCOUNT,
    BUY,
    ENTRY,
    HELD,
    HK_BUY,
    HK_QUOTE,
    HK_VIEW,
    LIMITS,
    NOW,
    OTHER,
    QUOTE,
    TENCENT,
    VIEW,
    check_of,
    refused_by,
    with_limits,
)


def ruled(proposal=BUY, view=VIEW, limits=LIMITS):
    return rule(proposal, view, limits)


def test_the_plain_case_is_approved_with_a_bracket_of_the_right_sides():
    ticket = ruled().ticket
    assert ticket is not None
    assert ticket.action is Action.BUY
    assert ticket.exit_action is Action.SELL
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.00"),
        D("194.00"),
        D("212.00"),
    )
    assert ticket.shares == 25  # 5000 / 200: value binds before risk (400 / 6)
    assert ticket.value_base == D(5000)
    # Fees up to the cent: 1.00 and CAT to buy, and the SEC's 0.00206 % of 4,850 more to sell.
    assert ticket.risk_base == 25 * D(6) + D("1.01") + D("1.10")


def test_a_short_sells_to_open_and_buys_to_close():
    short = replace(BUY, side=Side.SHORT, stop_price=D("206.00"), target_price=D("188.00"))
    ticket = ruled(short, limits=with_limits(allow_short=True)).ticket
    assert ticket is not None
    assert ticket.action is Action.SELL
    assert ticket.exit_action is Action.BUY


def test_a_short_is_refused_by_default_and_always_on_sehk():
    short = replace(BUY, side=Side.SHORT, stop_price=D("206.00"), target_price=D("188.00"))
    assert refused_by(ruled(short)) == ["short_allowed"]
    hk_short = replace(HK_BUY, side=Side.SHORT, stop_price=D("390"), target_price=D("355"))
    allowed = with_limits(allow_short=True)
    assert "short_allowed" in refused_by(rule(hk_short, HK_VIEW, allowed))


def test_hong_kong_orders_are_whole_lots_in_base_currency():
    ticket = rule(HK_BUY, HK_VIEW, LIMITS).ticket
    assert ticket is not None
    assert ticket.shares == 100
    assert ticket.value_base == 100 * D("380.0") * D("0.128")
    assert ticket.market is Market.HK


@pytest.mark.parametrize("state", [State.DEGRADED, State.HALTED])
def test_only_normal_opens(state):
    assert refused_by(ruled(view=replace(VIEW, state=state))) == ["state_allows"]


@pytest.mark.parametrize(("seconds", "ok"), [(7200, True), (7201, False), (-1, False)])
def test_reconcile_age_seconds_max(seconds, ok):
    view = replace(VIEW, reconciled_at=NOW - timedelta(seconds=seconds))
    assert check_of(ruled(view=view), "reconciled").ok is ok


def test_no_reconciliation_is_a_refusal():
    assert refused_by(ruled(view=replace(VIEW, reconciled_at=None))) == ["reconciled"]


@pytest.mark.parametrize(("minutes", "ok"), [(21, True), (20, True), (19, False)])
def test_no_entry_before_close_minutes(minutes, ok):
    hours = (Hours(NOW - timedelta(hours=1), NOW + timedelta(minutes=minutes)),)
    view = replace(VIEW, instrument=replace(AAPL, hours=hours))
    assert check_of(ruled(view=view), "session_open").ok is ok


def test_lunch_and_unknown_hours_are_closed():
    lunch = (
        Hours(NOW - timedelta(hours=3), NOW),
        Hours(NOW + timedelta(hours=1), NOW + timedelta(hours=4)),
    )
    view = replace(VIEW, instrument=replace(AAPL, hours=lunch))
    assert refused_by(ruled(view=view)) == ["session_open"]
    assert "opens at 2026-11-20 16:30" in check_of(ruled(view=view), "session_open").says
    nothing = replace(VIEW, instrument=replace(AAPL, hours=()))
    assert refused_by(ruled(view=nothing)) == ["session_open"]


@pytest.mark.parametrize(
    "changes",
    [
        {"security_type": "WAR"},
        {"stock_type": ""},
        {"stock_type": "ETN"},
        {"lot": None},
        {"lot": 0},
        {"con_id": 0},
    ],
)
def test_what_is_not_a_known_stock_is_refused(changes):
    view = replace(VIEW, instrument=replace(AAPL, **changes))
    assert "instrument_known" in refused_by(ruled(view=view))
    assert ruled(view=view).ticket is None


def test_a_view_of_another_stock_is_no_view():
    ruling = ruled(replace(BUY, symbol="MSFT"))
    assert ruling.ticket is None
    assert "instrument_known" in refused_by(ruling)


def test_restricted_symbols_are_refused():
    assert refused_by(ruled(limits=with_limits(restricted=("AAPL",)))) == ["instrument_known"]


@pytest.mark.parametrize(("seconds", "ok"), [(15, True), (16, False), (-1, False)])
def test_quote_age_seconds_max(seconds, ok):
    view = replace(VIEW, quote=replace(QUOTE, at=NOW - timedelta(seconds=seconds)))
    assert check_of(ruled(view=view), "quote_usable").ok is ok


@pytest.mark.parametrize(("ask", "ok"), [("201.19", True), ("201.20", True), ("201.22", False)])
def test_spread_bps_max(ask, ok):
    quote = replace(QUOTE, bid=D("199.99"), ask=D(ask))
    limits = with_limits(spread_bps_max=(D("1.21") / D("200.595") * 10_000))
    assert check_of(ruled(view=replace(VIEW, quote=quote), limits=limits), "quote_usable").ok is ok


@pytest.mark.parametrize(
    "quote",
    [
        None,
        replace(QUOTE, bid=None),
        replace(QUOTE, ask=None),
        replace(QUOTE, bid=D("200.02")),
        replace(QUOTE, bid=D("NaN")),
    ],
)
def test_no_usable_quote_is_a_refusal_and_never_a_pass(quote):
    ruling = ruled(view=replace(VIEW, quote=quote))
    assert ruling.ticket is None
    assert "quote_usable" in refused_by(ruling)


def test_delayed_quotes_need_permission():
    view = replace(VIEW, quote=replace(QUOTE, is_realtime=False))
    assert refused_by(ruled(view=view)) == ["quote_usable"]
    assert ruled(view=view, limits=with_limits(allow_delayed=True)).approved


@pytest.mark.parametrize(
    ("price", "ok"), [("202.00", True), ("202.01", False), ("198.00", True), ("197.99", False)]
)
def test_collar_bps(price, ok):
    proposal = replace(BUY, limit_price=D(price), target_price=D("230"))
    assert check_of(ruled(proposal), "entry_in_collar").ok is ok


@pytest.mark.parametrize(
    ("stop", "ok"),
    [
        ("199.40", True),  # 30 bps
        ("199.41", False),
        ("184.00", True),  # 800 bps
        ("183.99", False),
        ("200.00", False),
        ("206.00", False),
    ],
)
def test_stop_distance_bps(stop, ok):
    proposal = replace(BUY, stop_price=D(stop), target_price=D("240"))
    assert check_of(ruled(proposal), "stop_protects").ok is ok


@pytest.mark.parametrize(("ticks", "ok"), [(3, True), (2, False)])
def test_stop_distance_ticks_min(ticks, ok):
    entry = D("0.200")
    view = replace(
        HK_VIEW,
        quote=replace(HK_QUOTE, bid=D("0.200"), ask=D("0.200"), last=D("0.200")),
        instrument=replace(TENCENT, symbol="5"),
        atr=D("0.01"),
    )
    proposal = replace(
        HK_BUY,
        symbol="5",
        limit_price=entry,
        stop_price=entry - ticks * D("0.001"),
        target_price=D("0.250"),
    )
    assert check_of(rule(proposal, view, LIMITS), "stop_protects").ok is ok


def test_reward_risk_min_counts_fees_of_both_orders():
    # 25 shares: 12.00 a share up, 6.00 down, with fees in and out: 297.88 / 152.11 = 1.958.
    ratio = (25 * D(12) - D("2.12")) / (25 * D(6) + D("2.11"))
    assert check_of(ruled(), "target_pays").observed == f"{ratio:.2f}"
    assert check_of(ruled(limits=with_limits(reward_risk_min=ratio)), "target_pays").ok
    above = with_limits(reward_risk_min=ratio + D("0.0001"))
    assert refused_by(ruled(limits=above)) == ["target_pays"]


@pytest.mark.parametrize(("target", "ok"), [("260.00", True), ("260.01", False), ("199", False)])
def test_target_distance_bps_max(target, ok):
    assert check_of(ruled(replace(BUY, target_price=D(target))), "target_pays").ok is ok


@pytest.mark.parametrize(("confidence", "ok"), [("0.70", True), ("0.69", False), ("1", True)])
def test_confidence_min_and_never_a_larger_size(confidence, ok):
    ruling = ruled(replace(BUY, confidence=D(confidence)))
    assert check_of(ruling, "confidence_min").ok is ok
    assert ruling.sizing.shares == 25


def test_held_or_working_symbols_are_duplicates():
    assert "not_duplicate" in refused_by(ruled(view=replace(VIEW, positions=(HELD,))))
    working = replace(ENTRY, symbol="AAPL", limit_price=D("200"), stop_price=D("194"))
    assert "not_duplicate" in refused_by(ruled(view=replace(VIEW, entries=(working,))))


@pytest.mark.parametrize(("minutes", "ok"), [(60, True), (59, False)])
def test_reentry_cooldown_minutes(minutes, ok):
    view = replace(VIEW, stopped_out_at={"AAPL": NOW - timedelta(minutes=minutes)})
    assert check_of(ruled(view=view), "not_duplicate").ok is ok


def small(n):
    """A position of one share in a sector of its own."""
    return replace(
        OTHER, symbol=f"S{n}", con_id=n + 1, shares=1, protected_shares=1, sector=f"sector {n}"
    )


@pytest.mark.parametrize(("count", "ok"), [(4, True), (5, False)])
def test_positions_max_counts_positions_and_entries(count, ok):
    positions = tuple(small(n) for n in range(count - 1))
    view = replace(VIEW, positions=positions, entries=(replace(ENTRY, shares=1),))
    assert check_of(ruled(view=view), "positions_max").ok is ok


def test_position_value_max_bounds_the_size_exactly():
    assert ruled(limits=with_limits(position_value_max=D(5000))).ticket.shares == 25
    assert ruled(limits=with_limits(position_value_max=D("4999.99"))).ticket.shares == 24


def test_one_lot_above_the_largest_position_is_refused_with_the_arithmetic():
    limits = with_limits(position_value_max=D("4863.99"))  # a lot is 4864.00
    ruling = rule(HK_BUY, HK_VIEW, limits)
    assert ruling.ticket is None
    assert "4864.00" in check_of(ruling, "position_value").says
    assert rule(HK_BUY, HK_VIEW, with_limits(position_value_max=D("4864.00"))).approved


@pytest.mark.parametrize(("atr", "shares"), [("4", 25), ("5", 25), ("10", 12), ("2", 25)])
def test_a_wilder_stock_gets_fewer_shares_and_a_calm_one_never_more(atr, shares):
    # atr_pct_base 2.5 % of 200 is 5: at 10 the target value is halved.
    assert ruled(view=replace(VIEW, atr=D(atr))).ticket.shares == shares


@pytest.mark.parametrize("atr", [None, D(0), D("-1"), D("NaN")])
def test_an_unknown_range_is_a_refusal(atr):
    ruling = ruled(view=replace(VIEW, atr=atr))
    assert ruling.ticket is None
    assert "position_value" in refused_by(ruling)


def test_position_risk_max_bounds_the_size():
    # 10 shares: 60 to the stop; 2.11 of fees are set aside for the 25 shares that value allows.
    ticket = ruled(limits=with_limits(position_risk_max=D("62.11"))).ticket
    assert ticket.shares == 10
    assert ticket.risk_base <= D("62.11")
    assert ruled(limits=with_limits(position_risk_max=D("62.10"))).ticket.shares == 9


def test_sector_pct_max_leaves_room_only_up_to_its_share():
    held = replace(OTHER, shares=40, protected_shares=40, market_price=D("200"))  # 8,000 of 10,000
    ticket = ruled(view=replace(VIEW, positions=(held,))).ticket
    assert ticket.shares == 10
    other_sector = replace(held, sector="Energy")
    assert ruled(view=replace(VIEW, positions=(other_sector,))).ticket.shares == 25


def test_an_unknown_sector_refuses_and_counts_toward_every_sector():
    view = replace(VIEW, instrument=replace(AAPL, sector=""))
    assert "sector_exposure" in refused_by(ruled(view=view))
    held = replace(OTHER, shares=40, protected_shares=40, market_price=D("200"), sector="")
    assert ruled(view=replace(VIEW, positions=(held,))).ticket.shares == 10


def test_gross_exposure_max_counts_entries_too():
    entry = replace(ENTRY, shares=60, stop_price=D("396"), sector="Energy")  # 24,000 of 25,000
    ticket = ruled(view=replace(VIEW, entries=(entry,))).ticket
    assert ticket.shares == 5


def test_margin_use_pct_max():
    account = replace(ACCOUNT, maintenance_margin_base=D(88_000))
    assert ruled(view=replace(VIEW, account=account)).ticket.shares == 10  # 2,000 left of 90,000


@pytest.mark.parametrize(("funds", "shares"), [("5000", 25), ("4999", 24), ("2000", 10)])
def test_buying_power_is_available_funds(funds, shares):
    account = replace(ACCOUNT, available_funds_base=D(funds))
    assert ruled(view=replace(VIEW, account=account)).ticket.shares == shares


def test_without_funds_for_one_share_the_refusal_says_so():
    account = replace(ACCOUNT, available_funds_base=D("199"))
    assert "buying_power" in refused_by(ruled(view=replace(VIEW, account=account)))


@pytest.mark.parametrize(("pnl", "shares"), [("0", 25), ("-1900", 16), ("-1994", 0), ("500", 25)])
def test_day_loss_headroom_counts_the_day_and_this_stop(pnl, shares):
    account = replace(ACCOUNT, day_pnl_base=D(pnl))
    ruling = ruled(view=replace(VIEW, account=account))
    assert (ruling.ticket.shares if ruling.ticket else 0) == shares
    if not shares:
        assert "day_loss_headroom" in refused_by(ruling)


def test_day_loss_headroom_counts_every_open_stop():
    held = replace(OTHER, shares=10, protected_shares=10, stop_price=D("10"), sector="Energy")
    view = replace(VIEW, positions=(held,))  # 1,900 could still be lost
    assert ruled(view=view).ticket.shares == 16


def test_a_position_without_a_full_stop_has_no_bound_and_refuses():
    held = replace(OTHER, protected_shares=19)
    ruling = ruled(view=replace(VIEW, positions=(held,)))
    assert "day_loss_headroom" in refused_by(ruling)
    assert ruling.ticket is None


@pytest.mark.parametrize(
    "name",
    [
        "net_liquidation_base",
        "available_funds_base",
        "maintenance_margin_base",
        "day_pnl_base",
    ],
)
@pytest.mark.parametrize("value", [None, D("NaN"), D("Infinity")])
def test_an_unknown_account_value_refuses(name, value):
    account = replace(ACCOUNT, **{name: value})
    assert ruled(view=replace(VIEW, account=account)).ticket is None


def test_an_unknown_exchange_rate_refuses():
    account = replace(ACCOUNT, fx={})
    assert rule(HK_BUY, replace(HK_VIEW, account=account), LIMITS).ticket is None
    zero = replace(ACCOUNT, fx={"HKD": D(0)})
    assert rule(HK_BUY, replace(HK_VIEW, account=zero), LIMITS).ticket is None
    other = replace(OTHER, currency="EUR")
    assert ruled(view=replace(VIEW, positions=(other,))).ticket is None


@pytest.mark.parametrize(("volume", "ok"), [(20_000, True), (19_999, False), (None, False)])
def test_average_volume_shares_min(volume, ok):
    ruling = ruled(view=replace(VIEW, average_volume_shares=volume))
    assert check_of(ruling, "liquidity").ok is ok


def test_adv_pct_max_bounds_the_size():
    assert (
        ruled(
            view=replace(VIEW, average_volume_shares=20_000),
            limits=with_limits(adv_pct_max=D("0.05")),
        ).ticket.shares
        == 10
    )


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("orders_last_minute", "orders_minute_max"),
        ("orders_today", "orders_day_max"),
        ("proposals_this_session", "proposals_session_max"),
    ],
)
def test_paces_bind_at_their_number(field, limit):
    most = getattr(LIMITS, limit)
    assert ruled(view=replace(VIEW, **{field: most - 1})).approved
    assert not ruled(view=replace(VIEW, **{field: most})).approved
    assert not ruled(view=replace(VIEW, **{field: -1})).approved


def test_a_contract_that_cannot_rest_a_stop_is_refused():
    view = replace(VIEW, instrument=replace(AAPL, order_types=frozenset({"LMT", "MKT"})))
    assert refused_by(ruled(view=view)) == ["order_type_supported"]
    unknown = replace(VIEW, instrument=replace(AAPL, order_types=frozenset()))
    assert refused_by(ruled(view=unknown)) == ["order_type_supported"]


def test_an_unknown_ladder_refuses():
    ruling = ruled(view=replace(VIEW, instrument=replace(AAPL, ladder=())))
    assert ruling.ticket is None
    assert "well_formed" in refused_by(ruling)


def test_all_checks_run_and_report_whatever_fails():
    broken = replace(VIEW, state=State.HALTED, quote=None, reconciled_at=None, orders_today=99)
    ruling = ruled(view=broken)
    assert len(ruling.checks) == len(ruled().checks)
    assert {"state_allows", "quote_usable", "reconciled", "orders_day"} <= set(refused_by(ruling))
    assert all(check.says for check in ruling.refusals)
    assert not any(check.says for check in ruled().checks)


def test_nothing_known_refuses_without_raising():
    empty = replace(
        VIEW, instrument=None, quote=None, atr=None, average_volume_shares=None, reconciled_at=None
    )
    ruling = ruled(view=empty)
    assert ruling.ticket is None
    assert "instrument_known" in refused_by(ruling)


ODD = {"limit_price": D("200.014"), "stop_price": D("194.003"), "target_price": D("212.007")}


def test_a_long_rounds_its_entry_down_its_stop_up_and_its_target_down():
    ticket = ruled(replace(BUY, **ODD)).ticket
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.01"),
        D("194.01"),
        D("212.00"),
    )


def test_a_short_rounds_its_entry_up_its_stop_down_and_its_target_up():
    short = replace(
        BUY,
        side=Side.SHORT,
        limit_price=D("200.014"),
        stop_price=D("206.007"),
        target_price=D("188.003"),
    )
    ticket = ruled(short, limits=with_limits(allow_short=True)).ticket
    assert (ticket.limit_price, ticket.stop_price, ticket.parts[0].target_price) == (
        D("200.02"),
        D("206.00"),
        D("188.01"),
    )


def test_a_short_position_takes_room_and_its_stop_above_is_a_loss():
    held = replace(
        OTHER, shares=-40, protected_shares=40, market_price=D("200"), stop_price=D("240")
    )
    view = replace(VIEW, positions=(held,))
    assert ruled(view=view).ticket.shares == 10  # 8,000 of the sector's 10,000
    elsewhere = replace(view, positions=(replace(held, sector="Energy"),))
    ruling = ruled(view=elsewhere)
    assert ruling.sizing.bounds["gross_exposure"] == 85  # (25,000 - 8,000) / 200
    assert ruling.sizing.bounds["day_loss_headroom"] == 66  # (2,000 - 1,600 - fees) / 6


def test_a_stop_beyond_the_price_is_no_gain_to_the_others():
    held = replace(OTHER, shares=10, protected_shares=10, stop_price=D("190"), sector="Energy")
    trailed = replace(held, stop_price=D("250"), market_price=D("200"))
    at_risk = ruled(view=replace(VIEW, positions=(held,))).sizing.bounds["day_loss_headroom"]
    free = ruled(view=replace(VIEW, positions=(trailed,))).sizing.bounds["day_loss_headroom"]
    assert free == ruled().sizing.bounds["day_loss_headroom"] > at_risk
