"""Headlines reach the desk over the wire, newest first, and none of the future."""

from datetime import timedelta

from sim.gateway.nouns import Headline
from tests.support.desk import desk_on, in_virtual_time
from tests.support.tiny import NOON, TinyWorld

LINES = [
    Headline(NOON - timedelta(hours=2), "SYNTH", "SYNTH$1", "first"),
    Headline(NOON - timedelta(hours=1), "SYNTH", "SYNTH$2", "second"),
    Headline(NOON + timedelta(hours=1), "SYNTH", "SYNTH$3", "tomorrow's"),
]


class TellingWorld(TinyWorld):
    """A world with news of its first stock."""

    def headlines(self, con_id, start, end):
        return [line for line in LINES if con_id == 1 and start <= line.at < end]


def test_headlines_arrive_newest_first_and_none_of_the_future(tmp_path):
    async def scenario():
        async with desk_on(tmp_path, TellingWorld()) as desk:
            instrument = await desk.broker.instrument("AAPL")
            return await desk.broker.headlines(instrument, 5)

    found = in_virtual_time(scenario)
    assert [(source, text) for _, source, text in found] == [
        ("SYNTH", "second"),
        ("SYNTH", "first"),
    ]
    assert [at for at, _, _ in found] == [LINES[1].at, LINES[0].at]
