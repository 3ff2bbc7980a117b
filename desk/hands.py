"""The acts every order needs: send what is recorded, read back what rests, make sure it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from desk.book import Book
from desk.legs import LegReading, read_legs
from edges.errors import NotServing
from edges.ibkr import Broker, LegOrder
from guardrails.terms import LiveOrder, OrderStatus

READ_BACK_SECONDS = 0.25  # between two looks at the broker's open orders


@dataclass(frozen=True, kw_only=True, slots=True)
class Hands:
    """What carries orders out for one session."""

    broker: Broker
    book: Book
    stop_rest_seconds_max: float

    def send(self, legs: Sequence[LegOrder]) -> dict[str, int]:
        """The legs are recorded as sent and are on their way; returns their order ids by orderRef.

        Raises NotServing if the connection is gone; every leg is then marked unknown, because a
        part of the family may have left.
        """
        ids = self.broker.reserve_ids(legs)
        self.book.sending(legs, ids, self.broker.client_id)
        self._send(legs, ids)
        return ids

    def modify(self, leg: LegOrder, found: LiveOrder) -> dict[str, int]:
        """A resting order is on its way to `leg`'s terms, under its own id."""
        ids = {leg.order_ref: found.order_id}
        if leg.parent_ref:
            ids[leg.parent_ref] = found.parent_id
        self.book.sending([leg], ids, self.broker.client_id)
        self._send([leg], ids)
        return ids

    def _send(self, legs: Sequence[LegOrder], ids: dict[str, int]) -> None:
        try:
            for leg in legs:
                self.broker.send(leg, ids)
        except NotServing as error:
            for leg in legs:
                self.book.event(leg.order_ref, OrderStatus.UNKNOWN, note=str(error))
            raise

    async def read_back(self, legs: Sequence[LegOrder], ids: dict[str, int]) -> list[LegReading]:
        """The legs as the broker lists them, as soon as all rest, at the latest at the deadline."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.stop_rest_seconds_max
        while True:
            readings = read_legs(legs, ids, await self.broker.open_orders())
            missing = [reading for reading in readings if not reading.rests]
            if not missing or await self._all_filled(missing):
                return readings
            if loop.time() >= deadline:
                return readings
            await asyncio.sleep(READ_BACK_SECONDS)

    async def _all_filled(self, readings: Sequence[LegReading]) -> bool:
        """Whether each of the missing legs is missing because it has filled completely."""
        filled = await self.filled_shares()
        return all(
            reading.found is None and filled.get(reading.leg.order_ref, 0) >= reading.leg.shares
            for reading in readings
        )

    async def filled_shares(self) -> dict[str, int]:
        """Shares executed today by orderRef; a corrected execution counts once, as corrected."""
        latest = {execution.root: execution for execution in await self.broker.executions()}
        totals: dict[str, int] = {}
        for execution in latest.values():
            ref = execution.order_ref
            totals[ref] = totals.get(ref, 0) + execution.shares
        return totals

    async def cancel(self, order_refs: Sequence[str]) -> bool:
        """Whether none of the orders is open any more. Only own orders are touched.

        False after the deadline: they may still be live and must be treated so.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.stop_rest_seconds_max
        asked: set[int] = set()
        while True:
            live = [
                order
                for order in await self.broker.open_orders()
                if order.order_ref in order_refs and order.client_id == self.broker.client_id
            ]
            if not live:
                return True
            for order in live:
                if order.order_id not in asked:
                    self.broker.cancel(order.order_id)
                    asked.add(order.order_id)
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(READ_BACK_SECONDS)
