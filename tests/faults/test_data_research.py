"""F40: a plain client takes no answer for no news, or waits for ever, and believes any text."""

import asyncio

import ib_insync
import pytest

from sim.gateway.faults.research import HOSTILE
from tests.support.lying import in_virtual_time, lying

SCAN = ib_insync.ScannerSubscription(
    instrument="STK", locationCode="STK.US.MAJOR", scanCode="MOST_ACTIVE"
)


async def headlines(ib):
    """News of AAPL as ib_insync's users ask for them."""
    return await ib.reqHistoricalNewsAsync(1, "SYNTH", "", "", 10)


@pytest.mark.parametrize(("kind", "codes"), [("scanner_162", [162]), ("scanner_empty", [])])
def test_a_scan_refused_and_a_scan_without_rows_are_the_same_empty_list(kind, codes):
    async def scenario():
        async with lying(f'{{"fault": "F40", "kind": "{kind}"}}') as scene:
            ib = await scene.connect()
            assert len(await ib.reqScannerDataAsync(SCAN)) == 0
            assert scene.codes == codes
            [row] = await ib.reqScannerDataAsync(SCAN)
            assert row.contractDetails.contract.symbol == "AAPL"

    in_virtual_time(scenario)


def test_a_scan_that_ends_with_165_is_awaited_for_ever():
    async def scenario():
        async with lying('{"fault": "F40", "kind": "scanner_165"}') as scene:
            ib = await scene.connect()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(ib.reqScannerDataAsync(SCAN), 36_000)
            assert scene.codes == [165]

    in_virtual_time(scenario)


def test_headlines_that_never_come_are_none_after_four_seconds():
    async def scenario():
        async with lying('{"fault": "F40", "kind": "news_none"}') as scene:
            ib = await scene.connect()
            asked = scene.virtual.now()
            assert await headlines(ib) is None
            assert 4 <= (scene.virtual.now() - asked).total_seconds() < 5
            assert await headlines(ib) == []  # the honest answer: there are none

    in_virtual_time(scenario)


def test_an_article_that_never_comes_is_awaited_for_ever():
    async def scenario():
        async with lying('{"fault": "F40", "kind": "news_none"}') as scene:
            ib = await scene.connect()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(ib.reqNewsArticleAsync("SYNTH", "SYNTH$1"), 36_000)

    in_virtual_time(scenario)


def test_hostile_headlines_reach_whoever_asked_word_for_word():
    async def scenario():
        async with lying('{"fault": "F40", "kind": "hostile_headline"}') as scene:
            ib = await scene.connect()
            assert tuple(line.headline for line in await headlines(ib)) == HOSTILE

    in_virtual_time(scenario)


def test_hostile_articles_reach_whoever_asked_word_for_word_one_after_the_other():
    async def scenario():
        line = '{"fault": "F40", "kind": "hostile_article", "times": 0}'
        async with lying(line) as scene:
            ib = await scene.connect()
            found = [
                (await ib.reqNewsArticleAsync("SYNTH", "SYNTH$1")).articleText for _ in HOSTILE
            ]
            assert tuple(found) == HOSTILE

    in_virtual_time(scenario)


def test_the_hostile_texts_give_orders_hide_text_and_drive_terminals():
    everything = "".join(HOSTILE)
    for mark in ("\x1b[2J", "\u202e", "\u200b", "</tool_result>", "IGNORE ALL", "<script>"):
        assert mark in everything
    assert "\0" not in everything  # it ends a field of the wire
    assert max(map(len, HOSTILE)) > 30_000
