"""The simulated gateway served by itself, in real time or faster, for any client; and its tools."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from edges.clock import WallClock
from session.ending import Exit, Stop
from session.settings import Settings
from session.world import SIM_CASH, Scene, load_world, pick_day
from sim.gateway.capture import CaptureError, compare
from sim.gateway.faults import CATALOGUE, Schedule, ScheduleError, read
from sim.gateway.faults.schedule import nearest
from sim.gateway.record import Recorder
from sim.gateway.rules import Rules
from sim.gateway.server import Gateway
from sim.market import USD_PER_UNIT

ACCOUNT_ID = "DU1234567"
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """How a gateway is served: where, how fast, and how it behaves."""

    port: int
    speed: float = 1.0
    cash: Mapping[str, Decimal] = field(default_factory=lambda: SIM_CASH)  # by currency
    rules: Rules = field(default_factory=Rules)
    schedule: Schedule = field(default_factory=Schedule)


def serve(settings: Settings, scene: Scene, service: Service) -> None:
    """Serves until interrupted. Raises Stop for a port in use or unusable market data.

    Prints where it listens, every strike of a fault as the line that repeats it, and at the end one
    JSON object: requests read, requests that could not be read, fields left over, strikes.
    """
    if not 0 < service.speed <= 10_000:
        raise Stop(
            Exit.CONFIGURATION,
            f"--speed must be above 0 and at most 10000, was {service.speed:g}",
        )
    _check_port(service.port)
    world = load_world(scene)
    market, day, start = pick_day(world, settings, scene)

    async def main() -> None:
        wall = WallClock()
        began = wall.now()

        def now() -> datetime:
            elapsed = (wall.now() - began).total_seconds()
            return start + timedelta(seconds=elapsed * service.speed)

        gateway = Gateway(
            world.on(day),
            now=now,
            account_id=ACCOUNT_ID,
            cash=service.cash,
            seed=scene.seed,
            rules=service.rules,
            speed=service.speed,
            schedule=service.schedule,
        )
        gateway.faults.struck.told = _say
        await _listening(gateway, service.port)
        _say(
            f"simulated gateway on 127.0.0.1:{gateway.port}, account {ACCOUNT_ID}, "
            f"{world.label}, {market} {day} from {start:%H:%M} UTC, speed {service.speed:g}"
        )
        try:
            await _interrupted()
        finally:
            await gateway.close()
            _say(json.dumps(_account_of(gateway)))

    asyncio.run(main())


def _account_of(gateway: Gateway) -> dict[str, Any]:
    """What a gateway has read and done, for whoever served it."""
    tally = gateway.tally
    return {
        "requests": tally.requests,
        "refused": tally.refused,
        "left_over": tally.left_over,
        "failed": tally.failed,
        "struck": gateway.faults.struck.counts,
    }


def record(far: str, *, port: int, file: Path) -> None:
    """Passes a real gateway's messages on and writes them down, until interrupted.

    far: HOST:PORT of the gateway. Raises Stop for an address, port or file that cannot be used.
    """
    host, _, number = far.rpartition(":")
    if not host or not number.isdecimal() or not 0 < int(number) <= 65_535:
        raise Stop(Exit.CONFIGURATION, f"--record must be HOST:PORT, was {far!r}")
    _check_port(port)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with _new_file(file) as lines:

            def write(line: str) -> None:
                lines.write(line + "\n")
                lines.flush()

            recorder = Recorder(host, int(number), seconds=lambda: loop.time() - began, write=write)
            await _listening(recorder, port)
            _say(f"recording {far} on 127.0.0.1:{recorder.port} into {file}")
            try:
                await _interrupted()
            finally:
                await recorder.close()
                _say(f"{recorder.messages} messages recorded")

    asyncio.run(main())


def _new_file(file: Path) -> Any:
    """A new file that only its owner can read: recordings hold account numbers."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Stop(
            Exit.CONFIGURATION,
            f"{file}: cannot be made ({error.strerror}); name a new file with --into",
        ) from error
    return os.fdopen(descriptor, "w", encoding="utf-8")


def compare_capture(file: Path) -> None:
    """Prints where a recording differs from this gateway. Raises Stop where it does."""
    try:
        with file.open(encoding="utf-8") as lines:
            found = compare(lines)
    except (OSError, UnicodeDecodeError, CaptureError) as error:
        raise Stop(Exit.CONFIGURATION, f"{file}: not a recording: {error}") from error
    _say("\n".join(found.lines()))
    if not found.agrees:
        words = f"{len(found.differences)} messages do not fit this gateway's layouts"
        raise Stop(Exit.PERSON_NEEDED, f"{file}: {words}")


def read_faults(file: Path | None, seed: int) -> Schedule:
    """The schedule of a file; its draws are seeded by the file, else by `seed`."""
    if file is None:
        return Schedule(seed=seed)
    try:
        text = file.read_text(encoding="utf-8")
        found = read(text.splitlines())
    except (OSError, UnicodeDecodeError, ScheduleError) as error:
        raise Stop(Exit.CONFIGURATION, f"--faults {file}: {error}") from error
    return found if found.seed else replace(found, seed=seed)


def read_cash(text: str | None) -> Mapping[str, Decimal]:
    """The account's cash of words like USD=100000,HKD=50000. Raises Stop with one line."""
    if text is None:
        return SIM_CASH
    cash: dict[str, Decimal] = {}
    for word in text.split(","):
        currency, _, amount = word.strip().partition("=")
        try:
            cash[currency] = Decimal(amount)
        except InvalidOperation:
            cash[currency] = Decimal("NaN")
        if currency not in USD_PER_UNIT or not cash[currency].is_finite():
            known = " or ".join(USD_PER_UNIT)
            raise Stop(
                Exit.CONFIGURATION, f"--cash must be like USD=100000, in {known}, was {word!r}"
            )
    return cash


def read_rules(words: Sequence[str]) -> Rules:
    """The exchange's rules with some set anew, each as NAME=VALUE. Raises Stop with one line."""
    plain = Rules()
    known = {one.name: getattr(plain, one.name) for one in fields(Rules)}
    changes = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or name not in known:
            raise Stop(
                Exit.CONFIGURATION,
                f"--rule must be NAME=VALUE, was {word!r}; {nearest(name, known)}",
            )
        changes[name] = _value(name, text, known[name])
    try:
        return replace(plain, **changes)
    except ValueError as error:
        raise Stop(Exit.CONFIGURATION, f"--rule {error}") from error


def _value(name: str, text: str, default: Any) -> Any:
    """A rule's value in the type of its default."""
    try:
        if isinstance(default, bool):
            return BOOLEANS[text.lower()]
        if isinstance(default, tuple):
            return tuple(part for part in text.split(",") if part)
        return type(default)(text)
    except (KeyError, ValueError, InvalidOperation):
        kind = "true or false" if isinstance(default, bool) else f"like {default}"
        raise Stop(Exit.CONFIGURATION, f"--rule {name} must be {kind}, was {text!r}") from None


def fault_lines() -> list[str]:
    """Every fault with what it lies about and its settings, one a line."""
    found = []
    for name, fault in sorted(CATALOGUE.items(), key=lambda item: int(item[0][1:])):
        says = (fault.__doc__ or "").strip().splitlines()[0]
        settings = ", ".join(
            f"{key}: {'|'.join(map(str, value)) if isinstance(value, tuple) else value}"
            for key, value in fault.settings.items()
        )
        found.append(f"{name:4} {says}" + (f" ({settings})" if settings else ""))
    return found


def _check_port(port: int) -> None:
    if not 0 <= port <= 65_535:
        raise Stop(Exit.CONFIGURATION, f"--port must be 0 to 65535, was {port}")


async def _listening(server: Gateway | Recorder, port: int) -> None:
    try:
        await server.start(port)
    except OSError as error:
        raise Stop(
            Exit.RETRY_LATER,
            f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): "
            "end the program that holds it or choose another with --port",
        ) from error


async def _interrupted() -> None:
    """Returns at SIGINT or SIGTERM: the ordinary ends of a service."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    await over.wait()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - to whoever started the service
