"""Requests about news: providers, headlines, articles. All of it is somebody else's text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sim.gateway.nouns import Headline
from sim.gateway.requests.asker import Asker
from sim.gateway.wire.layout import Values
from sim.gateway.wire.words import BadRequest

NO_ARTICLE, NO_NEWS = 10172, 10276
PROVIDERS = {"SYNTH": "Synthetic headlines", "FOLDER": "Headlines of the market folder"}
HEADLINES_MAX = 300  # tws-api news.html
BACK = timedelta(days=7)  # where a request names no start
PLAIN_TEXT = 0


class News:
    """One client's news requests."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqNewsProviders": self._providers,
            "reqHistoricalNews": self._headlines,
            "reqNewsArticle": self._article,
        }

    def _providers(self, _values: Values) -> None:
        rows = [{"code": code, "name": name} for code, name in PROVIDERS.items()]
        self._asker.say("newsProviders", providers=rows)

    def _headlines(self, values: Values) -> None:
        wanted = min(max(values["total"], 0), HEADLINES_MAX)
        lines = self._lines(values)
        for line in list(reversed(lines))[:wanted]:
            self._asker.say(
                "historicalNews",
                reqId=values["reqId"],
                time=f"{line.at:%Y-%m-%d %H:%M:%S}.0",
                provider=line.provider,
                articleId=line.article_id,
                headline=line.text,
            )
        self._asker.say("historicalNewsEnd", reqId=values["reqId"], hasMore=len(lines) > wanted)

    def _lines(self, values: Values) -> list[Headline]:
        """The headlines asked for, oldest first, none of the future."""
        core = self._asker.core
        if values["conId"] not in core.exchange.by_con_id:
            return []
        end = min(_time(values["end"]) or core.exchange.now, core.exchange.now)
        start = _time(values["start"]) or end - BACK
        providers = values["providers"].split("+")
        found = core.world.headlines(values["conId"], start, end) if start < end else []
        return [line for line in found if line.provider in providers]

    def _article(self, values: Values) -> None:
        core = self._asker.core
        now = core.exchange.now
        for listing in core.world.listings():
            for line in core.world.headlines(listing.con_id, now - BACK, now):
                if line.article_id == values["articleId"]:
                    self._asker.say(
                        "newsArticle",
                        reqId=values["reqId"],
                        articleType=PLAIN_TEXT,
                        text=line.text,
                    )
                    return
        text = "Failed to request news article:no such article"
        self._asker.error(values["reqId"], NO_ARTICLE, text)


def _time(text: str) -> datetime | None:
    """A time of a news request, `yyyy-mm-dd hh:mm:ss.0` in UTC; None where it is empty."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.removesuffix(".0").strip())
    except ValueError as error:
        raise BadRequest(
            f"a time like 2026-11-20 15:00:00.0 is expected, was {text[:40]!r}"
        ) from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
