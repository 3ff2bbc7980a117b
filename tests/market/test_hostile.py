"""Data that cannot be used are refused in one line, data that are certain all the same repaired."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.market import MarketError, open_market

UTC_TIMES = pa.timestamp("ms", tz="UTC")
NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
NOON_HK = datetime(2026, 11, 20, 3, tzinfo=UTC)


def write(folder, table, name="bars"):
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet")
    return folder


def times(*instants, kind=UTC_TIMES):
    return pa.array(instants, kind)


def minutes(*offsets):
    return times(*(NOON + timedelta(minutes=offset) for offset in offsets))


def bars(rows=1, **changes):
    """A table of minute bars of A at 10, one after the other; a change of None drops a column."""
    columns = {
        "symbol": ["A"] * rows,
        "market": ["US"] * rows,
        "ts": minutes(*range(rows)),
        "open": [10.0] * rows,
        "high": [10.0] * rows,
        "low": [10.0] * rows,
        "close": [10.0] * rows,
        "volume": [100] * rows,
    }
    return pa.table({k: v for k, v in (columns | changes).items() if v is not None})


def served(folder, symbol="A"):
    """The minutes that the folder's world serves of a symbol on its last day."""
    world = open_market(folder)
    [listing] = [one for one in world.listings() if one.symbol == symbol]
    day = world.trading_days(listing.market)[-1]
    spans = world.sessions(listing.market, day)
    return list(world.minutes(listing.con_id, spans[0].opens_at, spans[-1].closes_at))


def refusal(path):
    with pytest.raises(MarketError) as caught:
        open_market(path)
    words = str(caught.value)
    assert "\n" not in words
    assert len(words) < 600
    return words


def test_a_folder_that_is_none_or_holds_no_bars_is_refused(tmp_path):
    assert "no such folder" in refusal(tmp_path / "none")
    assert "no *.parquet" in refusal(tmp_path)
    assert "hold no bars" in refusal(write(tmp_path / "a", pa.table({"x": [1]})))
    file = tmp_path / "a" / "bars.parquet"
    assert "no such folder" in refusal(file)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"volume": None}, "volume missing"),
        ({"ts": None}, "ts missing"),
        ({"open": None, "close": None}, "open, close missing"),
        ({"open": [float("nan")]}, "finite"),
        ({"high": [float("inf")]}, "finite"),
        ({"low": [-1.0]}, "above 0"),
        ({"close": [0.0]}, "above 0"),
        ({"close": [-0.0]}, "above 0"),
        ({"high": [1e8]}, "below 100,000,000"),
        ({"open": pa.array([None], pa.float64())}, "column open has 1 cells without a value"),
        ({"volume": pa.array([None], pa.int64())}, "column volume has 1 cells"),
        ({"symbol": pa.array([None], pa.string())}, "column symbol has 1 cells"),
        ({"market": pa.array([None], pa.string())}, "column market has 1 cells"),
        ({"ts": pa.array([None], UTC_TIMES)}, "column ts has 1 cells"),
        ({"market": ["JP"]}, "must hold US or HK, found 'JP'"),
        ({"market": [""]}, "must hold US or HK, found ''"),
        ({"symbol": [""]}, "1 to 24 characters"),
        ({"symbol": ["A" * 25]}, "1 to 24 characters"),
        ({"symbol": ["A\nB"]}, "characters is expected"),
        ({"symbol": ["A\x00"]}, "characters is expected"),
        ({"symbol": ["000"], "market": ["HK"]}, "1 to 24 characters"),
        ({"open": ["x"]}, "not readable"),
        ({"volume": [1.5]}, "not readable"),
        ({"volume": [float("nan")]}, "not readable"),
        ({"volume": [2**62]}, "at most 1,000,000,000,000 shares"),
        ({"ts": [1.5]}, "must hold timestamps, was double"),
        ({"ts": [1_795_000_000]}, "must hold timestamps, was int64"),
        ({"ts": ["2026-11-20"]}, "must hold timestamps, was string"),
        ({"ts": times(datetime(1900, 1, 1, tzinfo=UTC))}, "from 1980-01-01"),
        ({"ts": pa.array([2**62], UTC_TIMES)}, "from 1980-01-01"),
        ({"ts": times(NOON + timedelta(seconds=1))}, "whole minute"),
        ({"ts": times(datetime(2026, 11, 20, 3, tzinfo=UTC))}, "regular hours"),
        ({"ts": times(datetime(2026, 11, 21, 17, tzinfo=UTC))}, "regular hours"),
    ],
)
def test_one_row_that_cannot_be_is_refused_by_name(tmp_path, changes, words):
    assert words in refusal(write(tmp_path, bars(**changes)))


def test_files_that_are_broken_empty_or_folders_are_named(tmp_path):
    for content in (b"", b"PAR1", b"PAR1 nonsense PAR1"):
        (tmp_path / "broken.parquet").write_bytes(content)
        assert "broken.parquet: not readable" in refusal(tmp_path)
    (tmp_path / "broken.parquet").unlink()
    (tmp_path / "folder.parquet").mkdir()
    assert "folder.parquet: not readable" in refusal(tmp_path)
    assert "found no rows" in refusal(write(tmp_path / "rows", bars(0)))


def test_rows_in_any_order_are_put_in_order_and_the_first_of_equal_times_counts(tmp_path):
    prices = [11.0, 10.0, 12.0, 99.0]
    columns = dict.fromkeys(("open", "high", "low", "close"), prices)
    found = served(write(tmp_path, bars(4, ts=minutes(1, 0, 2, 1), **columns)))
    assert [bar.open for bar in found] == [D(10), D(11), D(12)]
    columns = {name: [50.0, 13.0] for name in columns}
    write(tmp_path, bars(2, ts=minutes(2, 3), **columns), "later")
    assert [bar.open for bar in served(tmp_path)] == [D(10), D(11), D(12), D(13)]


def test_a_high_or_low_that_another_price_passes_is_moved_there(tmp_path):
    [bar] = served(write(tmp_path, bars(open=[10.0], high=[9.0], low=[11.0], close=[10.5])))
    assert bar[1:5] == (D(10), D(11), D(9), D("10.5"))


def test_prices_off_the_grid_go_to_the_nearest_tick(tmp_path):
    [bar] = served(write(tmp_path, bars(open=[10.004], high=[10.019], low=[1e-9], close=[10.006])))
    assert bar[1:5] == (D(10), D("10.02"), D("0.0001"), D("10.01"))


def test_volume_below_nothing_is_none_and_prices_in_words_of_numbers_are_read(tmp_path):
    [bar] = served(write(tmp_path, bars(volume=[-5], open=["10"], close=[10])))
    assert (bar.volume, bar.open) == (0, D(10))


@pytest.mark.parametrize(
    "ts",
    [
        times(NOON.replace(tzinfo=None), kind=pa.timestamp("ms")),
        times(NOON.replace(tzinfo=None), kind=pa.timestamp("ns")),
        times(NOON, kind=pa.timestamp("us", tz="America/New_York")),
        times(NOON, kind=pa.timestamp("s", tz="Asia/Hong_Kong")),
    ],
)
def test_times_without_a_zone_are_utc_and_times_in_others_are_turned_into_it(tmp_path, ts):
    [bar] = served(write(tmp_path, bars(ts=ts)))
    assert bar.at == NOON


def test_zeros_before_a_hong_kong_code_are_dropped(tmp_path):
    table = bars(2, symbol=["0700", "700"], market=["HK", "HK"], ts=times(NOON_HK, NOON_HK))
    assert [bar.at for bar in served(write(tmp_path, table), "700")] == [NOON_HK]


def test_bars_of_two_lengths_in_one_file_are_refused(tmp_path):
    ts = minutes(*range(30), *range(0, 150, 5))
    words = refusal(write(tmp_path / "symbols", bars(60, symbol=["A"] * 30 + ["B"] * 30, ts=ts)))
    assert "found 1 and 5 minutes" in words
    night = 24 * 60 * 3  # a Friday to a Monday
    ts = minutes(*range(30), *range(night, night + 150, 5))
    words = refusal(write(tmp_path / "days", bars(60, ts=ts)))
    assert "found 1 and 5 minutes" in words


def test_a_symbol_that_seldom_trades_still_has_minute_bars(tmp_path):
    seldom = [0, 5, 17, 22, 40, 61, 66, 100]
    table = bars(38, symbol=["A"] * 30 + ["B"] * 8, ts=minutes(*range(30), *seldom))
    found = served(write(tmp_path, table), "B")
    assert [(bar.at - NOON) // timedelta(minutes=1) for bar in found] == seldom
    assert "expanded" not in open_market(tmp_path).label


def test_daily_bars_beside_minutes_serve_the_days_that_have_none(tmp_path):
    write(tmp_path, bars(3), "minutes")
    days = times(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    world = open_market(write(tmp_path, bars(2, ts=days, volume=[390, 777]), "days"))
    [listing] = world.listings()
    assert world.trading_days("US") == [date(2026, 11, 19), date(2026, 11, 20)]
    by_day = [
        world.minutes(listing.con_id, *span)
        for day in world.trading_days("US")
        for span in world.sessions("US", day)
    ]
    assert [(len(found), sum(found.volumes)) for found in by_day] == [(390, 390), (3, 300)]


LINES = "symbol,market,name,sector,lot,currency\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LINES + "A,US,Alpha,Tech,0,USD\n", "lot of A must be a whole number from 1"),
        (LINES + "A,US,Alpha,Tech,nan,USD\n", "was 'nan'"),
        (LINES + "A,US,Alpha,Tech,1e99,USD\n", "was '1e99'"),
        (LINES + "A,US,Alpha,Tech,1.5,USD\n", "was '1.5'"),
        (LINES + "A,US\n", "lot of A must be"),
        (LINES + "A,US,Alpha,Tech,1,CNY\n", "currency of A must be USD"),
        (LINES + "A,JP,Alpha,Tech,1,JPY\n", "market of A must be US or HK"),
        ("symbol,market\nA,US\n", "column name, sector, lot, currency is missing"),
        ("", "is missing"),
        (b"\xff\xfe\x00", "not readable as UTF-8"),
        (LINES.encode() + b"A,US,\xff,Tech,1,USD\n", "not readable as UTF-8"),
        (LINES + "A,US," + "x" * 200_000 + ",Tech,1,USD\n", "not readable"),
    ],
)
def test_contracts_that_cannot_be_are_refused_in_one_line(tmp_path, text, words):
    write(tmp_path, bars())
    (tmp_path / "contracts.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert words in refusal(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yesterday,A,up", "line 2: ts must be an ISO time, was 'yesterday'"),
        ("", None),
        (",A,up", "line 2: ts must be an ISO time"),
        ("0001-01-01T00:00:00+14:00,A,up", "line 2: ts must be an ISO time"),
        ("2026-11-20T16:00:00", None),
    ],
)
def test_news_without_a_time_are_refused_in_one_line(tmp_path, line, words):
    write(tmp_path, bars())
    (tmp_path / "news.csv").write_text(f"ts,symbol,headline\n{line}\n", encoding="utf-8")
    if words is None:
        open_market(tmp_path)
    else:
        assert words in refusal(tmp_path)


def test_control_characters_in_names_and_news_become_spaces(tmp_path):
    write(tmp_path, bars())
    (tmp_path / "contracts.csv").write_text(
        LINES + "A,US,Al\x00pha\x1b[2J,Tech,1,USD\n", encoding="utf-8"
    )
    (tmp_path / "news.csv").write_text(
        'ts,symbol,headline\n2026-11-20T16:00:00,A,"up\x00\n17\x00down\u202e"\n', encoding="utf-8"
    )
    world = open_market(tmp_path)
    [listing] = world.listings()
    [line] = world.headlines(listing.con_id, NOON - timedelta(days=1), NOON)
    assert (listing.name, line.text) == ("Al pha [2J", "up  17 down\u202e")


anything = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1e-12, 10.004])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    st.lists(
        st.tuples(*[anything] * 4, st.integers(-(2**63), 2**63 - 1), st.integers(-9, 400)),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_numbers_are_bars_are_legal_or_there_is_one_line(tmp_path, rows):
    first, high, low, last, volume, offsets = map(list, zip(*rows, strict=True))
    columns = {"open": first, "high": high, "low": low, "close": last, "volume": volume}
    folder = write(tmp_path, bars(len(rows), ts=minutes(*offsets), **columns))
    try:
        found = served(folder)
    except MarketError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a refusal is as good as bars
        return
    assert [bar.at for bar in found] == sorted({bar.at for bar in found})
    for bar in found:
        assert D("0.0001") <= bar.low <= min(bar.open, bar.close)
        assert max(bar.open, bar.close) <= bar.high
        assert bar.volume >= 0
        assert all(price % (D("0.01") if price >= 1 else D("0.0001")) == 0 for price in bar[1:5])
