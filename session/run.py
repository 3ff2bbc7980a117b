"""One session, step by step: seat, state, broker, reconciliation, conversation, end.

A crash between any two steps leaves protective legs at the broker, a ledger that opens, and a next
start that reconciles.
"""

from __future__ import annotations

import asyncio
import platform
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import guardrails
from desk.book import Book
from desk.day import ZONES, trading_day
from desk.hands import Hands
from desk.reconcile import Reconciliation, reconcile
from desk.seat import SeatTaken, seat
from desk.standing import Standing, standing
from desk.sync import settle_orders, take_executions
from desk.view import Viewer
from edges.claude import Attempt
from edges.clock import WallClock
from edges.errors import EdgeError, NotServing, OutcomeUnknown, Refused
from guardrails.terms import Market, State
from ledger import Ledger, LedgerError
from session import model as models
from session import prompts, wake
from session.ending import Exit, Stop
from session.floor import Floor
from session.logs import open_log
from session.loop import Bounds, Conversation, Ending
from session.loosening import drift
from session.money import Meter, Price
from session.monitor import Monitor
from session.opening_hours import market_hours, open_markets
from session.report import Report, report_of
from session.settings import Settings
from session.world import FarEnd, Scene, real, simulated
from sim import clock as virtual
from tools import Breadth, Toolset, schemas

LEDGER_NAMES = {True: "dry.db", False: "ledger.db"}  # by whether nothing is real
AFTER_CLOSE = timedelta(minutes=5)
RECONCILER = "reconcile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for: one session under these settings."""

    settings: Settings
    root: Path  # where prompts/ lies
    scene: Scene
    dry: bool = False
    until_close: bool = False
    prompt: Path | None = None


def ledger_path(settings: Settings, dry: bool) -> Path:
    """The ledger of real orders, or that of practice."""
    return settings.state_dir / LEDGER_NAMES[dry or settings.broker == "sim"]


def run_session(order: Order) -> Report:
    """What the session came to. Raises Stop where there is nothing to report but one line."""
    settings = order.settings
    if order.dry and settings.broker != "sim":
        raise Stop(
            Exit.CONFIGURATION,
            "--dry-run with a real broker is not part of this version: use --broker sim",
        )
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with (
            seat(settings.state_dir, "agent.py run"),
            Ledger.open(ledger_path(settings, order.dry)) as ledger,
        ):
            return _Session(order, ledger).run()
    except SeatTaken as error:
        raise Stop(Exit.SEAT_TAKEN, str(error)) from error
    except LedgerError as error:
        raise Stop(Exit.RETRY_LATER, str(error)) from error
    except OSError as error:
        raise Stop(
            Exit.RETRY_LATER, f"{settings.state_dir} cannot be used ({error}): check its rights"
        ) from error


class _Session:
    """One session on an open ledger."""

    def __init__(self, order: Order, ledger: Ledger) -> None:
        self._order = order
        self._settings = order.settings
        self._ledger = ledger
        self._began = False
        # Times of the session's name are those of writing; simulated time is in its steps.
        self._id = f"{WallClock().now():%y%m%d-%H%M%S}-{secrets.token_hex(2)}"

    def run(self) -> Report:
        """The session, in virtual time on sim, in real time else."""
        standing_now = self._standing()
        if standing_now.state is State.HALTED:
            raise Stop(
                Exit.PERSON_NEEDED,
                f"the desk is HALTED ({standing_now.reason}): look into it, then `agent.py resume`",
            )
        if self._settings.broker == "sim":
            account_id = f"DU{int.from_bytes(self._id.encode()) % 10**7:07d}"
            return virtual.run(
                lambda: self._in(simulated(self._settings, self._order.scene, account_id))
            )
        return asyncio.run(self._in(real(self._settings)))

    def _standing(self) -> Standing:
        return standing(self._ledger, self._settings.state_dir)

    async def _in(self, far_end: AbstractAsyncContextManager[FarEnd]) -> Report:
        model = models.choose(self._settings)
        async with far_end as far:
            open_log(self._settings.state_dir, far.clock.now, self._id)
            price = models.price_on(self._settings, model.name, WallClock().now().date())
            try:
                await far.broker.connect(far.account_prefix)
            except EdgeError as error:
                raise Stop(Exit.RETRY_LATER, str(error)) from error
            meter = self._meter(price)
            system = prompts.load(self._order.prompt or self._order.root / "prompts" / "system.md")
            opening = prompts.load(self._order.root / "prompts" / "wake.md")
            self._start(far, model, system)
            ending = await self._guarded(far, model, meter, system, opening)
            return await self._finish(far, model, meter, ending)

    def _meter(self, price: Price) -> Meter:
        midnight = WallClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Meter(
            price=price,
            session_usd_max=self._settings.session.usd_max,
            day_usd_max=self._settings.budget.usd_day_max,
            month_usd_max=self._settings.budget.usd_month_max,
            spent_today_usd=self._ledger.usd_since(midnight),
            spent_this_month_usd=self._ledger.usd_since(midnight.replace(day=1)),
        )

    def _start(self, far: FarEnd, model: models.Model, system: prompts.Template) -> None:
        """The session is in the ledger, with its settings and what they loosen, or not at all."""
        at = far.clock.now()
        before, now = self._ledger.last_config(), self._settings
        guarded = {"limits": now.limits, "stops": now.stops, "breaker": now.breaker}
        with self._ledger.transaction():
            self._record_session(far, model, system, at)
            self._ledger.add_config(now.sha256, at=at, body=now.model_dump_json())
            for key, old, new in drift(before or {}, guarded):
                self._ledger.add_drift(self._id, at=at, key=key, before=old, after=new)
        self._began = True

    def _record_session(
        self, far: FarEnd, model: models.Model, system: prompts.Template, at: datetime
    ) -> None:
        self._ledger.start_session(
            session_id=self._id,
            started_at=at,
            broker=self._settings.broker,
            dry=self._order.dry or self._settings.broker == "sim",
            market=far.label,
            model=model.name,
            prompt_sha256=system.sha256,
            config_sha256=self._settings.sha256,
            account_id=far.broker.account_id,
            versions={
                "python": platform.python_version(),
                **{name: version(name) for name in ("anthropic", "ib_insync", "pydantic")},
            },
        )

    async def _guarded(
        self,
        far: FarEnd,
        model: models.Model,
        meter: Meter,
        system: prompts.Template,
        opening: prompts.Template,
    ) -> tuple[Exit, Ending]:
        """The session's body; a failure of the outside becomes an ending, not a traceback."""
        try:
            return await self._body(far, model, meter, system, opening)
        except NotServing as error:
            return Exit.RETRY_LATER, _ended("not_serving", str(error))
        except Refused as error:
            return Exit.CONFIGURATION, _ended("refused", str(error))
        except OutcomeUnknown as error:
            return Exit.FAILED, _ended("outcome_unknown", str(error))
        except Stop as stop:
            return stop.code, _ended("stopped", stop.says)

    async def _body(
        self,
        far: FarEnd,
        model: models.Model,
        meter: Meter,
        system: prompts.Template,
        opening: prompts.Template,
    ) -> tuple[Exit, Ending]:
        book = self._book(far)
        found = await reconcile(far.broker, book)
        self._settle_state(found, far)
        markets = await open_markets(far, self._settings, far.clock.now())
        if not markets:
            says = f"{', '.join(far.markets)} closed at {far.clock.now():%Y-%m-%d %H:%M} UTC"
            return Exit.DONE, _ended("market_closed", says)
        hands = Hands(
            broker=far.broker,
            book=book,
            stop_rest_seconds_max=float(self._settings.watch.stop_rest_seconds_max),
        )
        monitor = self._monitor(far, book, hands, markets[0])
        watching = asyncio.create_task(monitor.run())
        try:
            ending = await self._converse(far, model, meter, hands, markets, system, opening)
            if self._order.until_close:
                await self._wait_for_close(far, markets[0])
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        await monitor.look()
        if not found.clean:
            return Exit.PERSON_NEEDED, ending
        return (Exit.DONE if ending.well else Exit.FAILED), ending

    def _book(self, far: FarEnd) -> Book:
        return Book(
            ledger=self._ledger,
            clock=far.clock,
            session_id=self._id,
            account_id=far.broker.account_id,
        )

    def _settle_state(self, found: Reconciliation, far: FarEnd) -> None:
        """DEGRADED while broker and ledger disagree; it clears itself when they agree again."""
        now = self._standing()
        at = far.clock.now()
        if not found.clean and now.state is State.NORMAL:
            kinds = ", ".join(sorted({finding.kind for finding in found.findings}))
            self._ledger.add_state(
                at=at, state=State.DEGRADED, actor=RECONCILER, reason=kinds, scope="desk"
            )
        if found.clean and now.state is State.DEGRADED and now.actor == RECONCILER:
            self._ledger.add_state(
                at=at, state=State.NORMAL, actor=RECONCILER, reason="agrees again", scope="desk"
            )

    def _monitor(self, far: FarEnd, book: Book, hands: Hands, market: Market) -> Monitor:
        limits, breaker = self._settings.limits, self._settings.breaker
        return Monitor(
            broker=far.broker,
            book=book,
            hands=hands,
            state_dir=self._settings.state_dir,
            day=trading_day(far.clock.now(), market),
            breaker=lambda seen: guardrails.day_loss_state(seen, limits, breaker),
            interval_seconds=float(self._settings.watch.interval_seconds),
        )

    async def _converse(
        self,
        far: FarEnd,
        model: models.Model,
        meter: Meter,
        hands: Hands,
        markets: list[Market],
        system: prompts.Template,
        opening: prompts.Template,
    ) -> Ending:
        limits = self._settings.limits
        bounds = Bounds(
            turns_max=self._settings.session.turns_max,
            seconds_max=float(self._settings.session.seconds_max),
            output_tokens_max=self._settings.session.output_tokens_max,
            refusals_in_row_max=limits.refusals_in_row_max,
        )
        viewer = Viewer(
            broker=far.broker,
            ledger=self._ledger,
            clock=far.clock,
            session_id=self._id,
            state=lambda: self._standing().state,
            stopped_out_minutes=limits.reentry_cooldown_minutes,
            alert=hands.book.alert,
            # On paper it will, as soon as there is a keeper to start; until then its resting legs
            # are a position's only guard.
            needs_keeper=self._settings.broker == "live",
        )
        floor = Floor(
            broker=far.broker,
            book=hands.book,
            viewer=viewer,
            hands=hands,
            state=viewer.state,
            price_min=self._settings.scan.price_min,
        )
        breadth = Breadth(rows=self._settings.scan.rows, candidates=self._settings.scan.candidates)
        view = await viewer.view(None)
        claude = models.connect(model, self._settings, self._order.scene.seed, self._record(far))
        conversation = Conversation(
            claude=claude,
            toolset=Toolset(floor=floor, limits=limits, breadth=breadth),
            book=hands.book,
            meter=meter,
            bounds=bounds,
            state=viewer.state,
            refusals_in_row=lambda: floor.refusals_in_row,
            waiting=far.waiting_for_outside if model.is_real else far.no_waiting,
            wall=WallClock(),
        )
        variables = wake.limit_variables(limits, view.account.base_currency)
        message = wake.wake_variables(
            view=view,
            standing=self._standing(),
            open_markets=markets,
            limits=limits,
            bounds=bounds,
        )
        try:
            return await conversation.run(
                system=prompts.render(system, variables),
                tools=schemas(),
                wake=prompts.render(opening, message),
            )
        finally:
            await claude.close()

    def _record(self, far: FarEnd) -> Callable[[Attempt], None]:
        def record(attempt: Attempt) -> None:
            self._ledger.add_exchange(
                self._id,
                at=far.clock.now(),
                attempt=attempt.number,
                direction=attempt.direction,
                url=attempt.url,
                headers=attempt.headers,
                sha256=attempt.sha256,
                status=attempt.status,
                milliseconds=None,
                body=attempt.body,
            )

        return record

    async def _wait_for_close(self, far: FarEnd, market: Market) -> None:
        """Until shortly after the local day's last session; the monitor goes on meanwhile."""
        now = far.clock.now()
        today = trading_day(now, market)
        closes = [
            hours.closes_at
            for hours in await market_hours(far, market, self._settings)
            if hours.closes_at.astimezone(ZONES[market]).date() == today
        ]
        if closes:
            await asyncio.sleep(max(0.0, (closes[-1] + AFTER_CLOSE - now).total_seconds()))

    async def _finish(
        self, far: FarEnd, model: models.Model, meter: Meter, ended: tuple[Exit, Ending]
    ) -> Report:
        """The last look at the broker, the session's end in the ledger, and the report."""
        code, ending = ended
        pnl = far.broker.day_pnl()
        book = self._book(far)
        try:
            await take_executions(far.broker, book)
            live = await far.broker.open_orders()
            settle_orders(book, live, await far.broker.completed_orders())
        except EdgeError as error:  # the ending stands; the next start takes what is missed now
            book.alert("last_look_failed", str(error), severity="warning")
        self._ledger.end_session(
            self._id,
            ended_at=far.clock.now(),
            outcome=ending.outcome,
            exit_code=int(code),
            pnl_base=pnl,
            detail=ending.says,
        )
        return report_of(
            self._ledger,
            self._id,
            says=ending.says,
            model=model,
            meter=meter,
            currency=far.currency,
        )


def _ended(outcome: str, says: str) -> Ending:
    return Ending(outcome=outcome, says=says, turns=0, well=outcome == "market_closed")
