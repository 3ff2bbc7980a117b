"""Claude, through the anthropic SDK, and nothing of trading: questions in, complete answers out.

One retry layer (the SDK's own is off), bounded by a deadline; every HTTP attempt is handed to
`record` before it is sent and after it is answered, secrets taken out; tool calls are given only
from an answer that stopped for them and is complete.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anthropic
import httpx2
import tenacity
from anthropic.types import CacheControlEphemeralParam

from edges.errors import NotServing, OutcomeUnknown, Refused

ATTEMPTS_MAX = 4
ATTEMPT_SECONDS_MIN = 1.0
CONNECT_SECONDS = 10.0
SECRET_HEADERS = frozenset(
    {"authorization", "x-api-key", "proxy-authorization", "cookie", "set-cookie"}
)
REDACTED = "[redacted]"
NO_RETRY = frozenset(
    {
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
        "linked_organization_spend_limit_reached",
        "ramp_limit_exceeded",
    }
)
CACHED: CacheControlEphemeralParam = {"type": "ephemeral"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One direction of one HTTP attempt, as it stood on the wire, secrets apart."""

    number: int
    direction: str  # req, resp or err
    url: str
    headers: Mapping[str, str]
    sha256: str
    status: int | None
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """One tool call; `arguments` is the JSON text of its input as it was received."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one answer. The whole prompt is input + cache read + cache write."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One complete answer. `calls` is empty unless it stopped for its tools.

    echo: the assistant's turn, to be appended to the history as it is.
    """

    stop_reason: str
    texts: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    echo: Mapping[str, Any]
    usage: Usage
    model: str
    request_id: str


class _BadReply(Exception):
    """A 200 that is no complete message."""


class _Recording(httpx2.AsyncBaseTransport):
    """A transport that writes down each attempt around another transport."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, record: Callable[[Attempt], None]) -> None:
        self._inner = inner
        self._record = record
        self._number = 0
        self.last_body = b""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._number += 1
        number = self._number
        sent = await request.aread()
        self._note(number, "req", request, request.headers, None, sent)
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except Exception as error:  # noted and raised again, whatever it is
            self._note(number, "err", request, {}, None, repr(error).encode())
            raise
        self._note(number, "resp", request, response.headers, response.status_code, body)
        self.last_body = body
        kept = [
            (name, value)
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx2.Response(response.status_code, headers=kept, content=body, request=request)

    def _note(
        self,
        number: int,
        direction: str,
        request: httpx2.Request,
        headers: Mapping[str, str],
        status: int | None,
        body: bytes,
    ) -> None:
        self._record(
            Attempt(
                number=number,
                direction=direction,
                url=str(request.url),
                headers={
                    name: REDACTED if name.lower() in SECRET_HEADERS else value
                    for name, value in headers.items()
                },
                sha256=hashlib.sha256(body).hexdigest(),
                status=status,
                body=body,
            )
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class Claude:
    """One model behind one transport: the Messages API, a stand-in, or a recording."""

    def __init__(
        self,
        *,
        model: str,
        api_key: str,
        base_url: str | None,
        transport: httpx2.AsyncBaseTransport | None,
        record: Callable[[Attempt], None],
    ) -> None:
        """transport: None goes to the real service over HTTPS."""
        self._model = model
        self._transport = _Recording(transport or httpx2.AsyncHTTPTransport(), record)
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=self._transport, trust_env=False),
        )

    async def ask(
        self,
        *,
        system: str,
        tools: Sequence[Mapping[str, Any]],
        messages: Sequence[Mapping[str, Any]],
        max_tokens: int,
        deadline_seconds: float,
    ) -> Answer:
        """The model's answer to the conversation so far.

        Raises Refused where the service said no for good (with what to do), NotServing where it
        could not be reached in time, OutcomeUnknown where no complete answer came.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_seconds

        async def once() -> Answer:
            left = max(ATTEMPT_SECONDS_MIN, deadline - loop.time())
            try:
                message = await asyncio.wait_for(
                    self._client.messages.create(
                        model=self._model,
                        max_tokens=max_tokens,
                        system=[{"type": "text", "text": system, "cache_control": CACHED}],
                        tools=cast(Any, list(tools)),
                        messages=cast(Any, list(messages)),
                        cache_control=CACHED,
                        timeout=httpx2.Timeout(left, connect=min(left, CONNECT_SECONDS)),
                    ),
                    left,
                )
            except TimeoutError as error:
                raise _BadReply(f"no answer within {left:.0f} s") from error
            return _answer(message, self._transport.last_body)

        retrying = tenacity.AsyncRetrying(
            wait=_wait,
            reraise=True,
            stop=lambda state: (
                state.attempt_number >= ATTEMPTS_MAX
                or loop.time() + state.upcoming_sleep >= deadline
            ),
            retry=tenacity.retry_if_exception(_is_retryable),
            sleep=asyncio.sleep,
        )
        try:
            answer: Answer = await retrying(once)
        except anthropic.APIStatusError as error:
            raise _refusal(error) from error
        except (anthropic.APIConnectionError, httpx2.TransportError) as error:
            raise NotServing(f"the Messages API cannot be reached: {error}") from error
        except (_BadReply, json.JSONDecodeError) as error:
            raise OutcomeUnknown(f"the model gave no complete answer: {error}") from error
        return answer

    async def close(self) -> None:
        """The client and its transport are let go of."""
        await self._client.close()


_backoff = tenacity.wait_exponential(multiplier=0.5, max=8)


def _wait(state: tenacity.RetryCallState) -> float:
    """What the service asks for, else growing steps."""
    error = state.outcome.exception() if state.outcome is not None else None
    headers = getattr(getattr(error, "response", None), "headers", {})
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        word = headers.get(name, "")
        if re.fullmatch(r"\d+(\.\d+)?", word) and math.isfinite(float(word)):
            return float(word) * scale
    return _backoff(state)


def _is_retryable(error: BaseException) -> bool:
    if isinstance(error, anthropic.APIStatusError):
        refused = error.response.headers.get("x-should-retry") == "false"
        if refused or getattr(error, "error_code", None) in NO_RETRY:
            return False
        return error.status_code in (200, 408, 409, 429) or error.status_code >= 500
    return isinstance(
        error,
        anthropic.APIConnectionError | httpx2.TransportError | json.JSONDecodeError | _BadReply,
    )


def _refusal(error: anthropic.APIStatusError) -> Refused | NotServing:
    words = " ".join(str(error.message).split())[:200]
    remedies = {
        401: "the API key was refused: check ANTHROPIC_API_KEY in the environment or .env",
        403: "the API key may not use this: check the key's workspace and the model",
        404: "the model is not known to the service: check `model` in config.yaml",
    }
    if error.status_code in remedies:
        return Refused(f"{remedies[error.status_code]} ({words})", error.status_code)
    if error.status_code == 429 or error.status_code >= 500:
        return NotServing(
            f"the Messages API answers {error.status_code} ({words}): try again later"
        )
    return Refused(f"the Messages API refused the request: {words}", error.status_code)


def _answer(message: Any, body: bytes) -> Answer:
    """The SDK's message as an answer. Raises _BadReply for anything that is not a whole one."""
    if not isinstance(message, anthropic.types.Message):
        raise _BadReply(f"a reply of type {type(message).__name__}")
    usage = message.usage
    if usage is None or message.stop_reason is None or not isinstance(message.content, list):
        raise _BadReply("a reply without usage, stop reason or content")
    raw = _raw_inputs(body)
    calls: tuple[ToolCall, ...] = ()
    if message.stop_reason == "tool_use":
        calls = tuple(
            ToolCall(id=block.id, name=block.name, arguments=raw.get(block.id, "null"))
            for block in message.content
            if block.type == "tool_use"
        )
    return Answer(
        stop_reason=str(message.stop_reason),
        texts=tuple(block.text for block in message.content if block.type == "text" and block.text),
        calls=calls,
        echo={
            "role": "assistant",
            "content": message.model_dump(mode="json", exclude_unset=True)["content"],
        },
        usage=Usage(
            input_tokens=usage.input_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            cache_read_tokens=usage.cache_read_input_tokens or 0,
            cache_write_tokens=usage.cache_creation_input_tokens or 0,
        ),
        model=message.model,
        request_id=message._request_id or "",
    )


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as the pairs it was written with, duplicates included."""


def _raw_inputs(body: bytes) -> dict[str, str]:
    """The JSON text of each tool_use block's input by its id, nothing folded or dropped.

    Parsing into dicts would hide a key that stands twice; whoever reads the input must see it.
    """
    document = json.loads(body, object_pairs_hook=_Pairs, parse_float=_Word, parse_int=_Word)
    content = dict(document).get("content") if isinstance(document, _Pairs) else None
    found = {}
    for block in content if isinstance(content, list) else ():
        if isinstance(block, _Pairs) and ("type", "tool_use") in block:
            fields = dict(block)
            found[str(fields.get("id"))] = _text(fields.get("input"))
    return found


class _Word(str):
    """A number's own text."""

    __slots__ = ()


def _text(value: Any) -> str:
    """JSON text of a value parsed by _raw_inputs."""
    if isinstance(value, _Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {_text(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    if isinstance(value, _Word):
        return str(value)
    return json.dumps(value)
