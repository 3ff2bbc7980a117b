"""Claude's wire, with the real SDK: what is acted on, retried, recorded, and never acted on."""

import asyncio
import json
from collections import deque

import httpx2
import pytest

from edges.claude import Claude
from edges.errors import NotServing, OutcomeUnknown, Refused
from sim import clock
from sim.standin import ANNOUNCEMENT, StandIn
from tools import schemas

WAKE = [{"role": "user", "content": [{"type": "text", "text": "Open now: US"}]}]


def message(content=None, stop="end_turn", **more):
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}] if content is None else content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 7},
    }
    return 200, {}, json.dumps(body | more).encode()


def error(status, kind="api_error", **headers):
    body = {"type": "error", "error": {"type": kind, "message": "words of the service"}}
    return status, headers, json.dumps(body).encode()


class Scripted(httpx2.AsyncBaseTransport):
    """Answers from a list; an exception in it is raised."""

    def __init__(self, *answers):
        self.answers = deque(answers)
        self.requests = []

    async def handle_async_request(self, request):
        self.requests.append(await request.aread())
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        kind = {} if "content-type" in headers else {"content-type": "application/json"}
        return httpx2.Response(status, headers=headers | kind, content=body)


def ask(*answers, seconds=60, key="sk-secret", record=None, transport=None):
    """(answer, attempts, virtual seconds) of one question."""
    scripted = transport or Scripted(*answers)
    attempts = []

    async def main():
        loop = asyncio.get_running_loop()
        claude = Claude(
            model="m",
            api_key=key,
            base_url="http://offline.invalid",
            transport=scripted,
            record=record or attempts.append,
        )
        try:
            answer = await claude.ask(
                system="be careful",
                tools=schemas(),
                messages=WAKE,
                max_tokens=100,
                deadline_seconds=seconds,
            )
            return answer, loop.time()
        finally:
            await claude.close()

    answer, took = clock.run(main)
    return answer, attempts, took


def tool_use(text='{"symbol": "AAPL"}', block_id="toolu_1"):
    content = [{"type": "tool_use", "id": block_id, "name": "quote", "input": "@"}]
    status, headers, body = message(content, "tool_use")
    return status, headers, body.replace(b'"@"', text.encode())


def test_an_answer_is_its_texts_calls_and_usage():
    answer, attempts, _ = ask(tool_use())
    assert (answer.stop_reason, answer.calls[0].name) == ("tool_use", "quote")
    assert json.loads(answer.calls[0].arguments) == {"symbol": "AAPL"}
    assert answer.echo["content"][0]["type"] == "tool_use"
    assert (answer.usage.input_tokens, answer.usage.cache_read_tokens) == (5, 7)
    assert [attempt.direction for attempt in attempts] == ["req", "resp"]


@pytest.mark.parametrize(
    "text",
    [
        '{"symbol": "AAPL", "symbol": "GME"}',
        '{"n": 9.050000190734863, "m": 1e400, "k": 100000000000000000000000}',
        '{"a": [1, {"b": null}], "c": "\\u0410"}',
    ],
)
def test_arguments_reach_their_reader_as_they_were_written(text):
    answer, _, _ = ask(tool_use(text))
    pairs = json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str)
    found = json.loads(
        answer.calls[0].arguments, object_pairs_hook=list, parse_float=str, parse_int=str
    )
    assert found == pairs


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "end_turn", "pause_turn", "tomorrow"])
def test_tool_calls_are_given_only_when_the_answer_stopped_for_them(stop):
    content = [{"type": "tool_use", "id": "t", "name": "propose_order", "input": {"symbol": "A"}}]
    answer, _, _ = ask(message(content, stop))
    assert answer.stop_reason == stop
    assert answer.calls == ()


def test_troubles_that_pass_are_retried_in_virtual_time_within_four_attempts():
    answer, attempts, took = ask(
        error(529, "overloaded_error"),
        error(429, "rate_limit_error", **{"retry-after": "3"}),
        httpx2.ConnectError("no route"),
        message(),
    )
    assert answer.texts == ("hello",)
    assert [a.direction for a in attempts] == [
        "req",
        "resp",
        "req",
        "resp",
        "req",
        "err",
        "req",
        "resp",
    ]
    assert 3.5 <= took <= 12


@pytest.mark.parametrize(
    "bad",
    [
        (200, {"content-type": "text/html"}, b"<html>"),
        (200, {}, b"{not json"),
        (200, {}, b""),
        message(usage=None),
        message(stop_reason=None),
        message(content="text"),
    ],
)
def test_a_bad_reply_is_asked_again_and_four_of_them_are_an_unknown_outcome(bad):
    answer, _, _ = ask(bad, message())
    assert answer.texts == ("hello",)
    with pytest.raises((OutcomeUnknown, NotServing)):
        ask(bad, bad, bad, bad)


@pytest.mark.parametrize(
    ("status", "word"), [(401, "ANTHROPIC_API_KEY"), (403, "workspace"), (404, "config.yaml")]
)
def test_a_refusal_is_final_and_names_its_remedy(status, word):
    scripted = Scripted(error(status), message())
    with pytest.raises(Refused, match=word):
        ask(transport=scripted)
    assert len(scripted.requests) == 1


def test_a_spend_limit_is_not_retried():
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "spend limit"}}
    answer = (429, {"x-should-retry": "false"}, json.dumps(body).encode())
    scripted = Scripted(answer, message())
    with pytest.raises(NotServing):
        ask(transport=scripted)
    assert len(scripted.requests) == 1


def test_no_wait_goes_past_the_deadline():
    scripted = Scripted(error(429, "rate_limit_error", **{"retry-after": "600"}), message())
    with pytest.raises(NotServing):
        ask(transport=scripted, seconds=20)
    assert len(scripted.requests) == 1


def test_no_secret_is_recorded():
    _, attempts, _ = ask(message())
    record = "".join(f"{dict(a.headers)}{a.body!r}{a.url}" for a in attempts)
    assert "sk-secret" not in record
    assert "[redacted]" in record


def test_the_request_goes_out_as_it_was_frozen():
    scripted = Scripted(message())
    ask(transport=scripted)
    body = json.loads(scripted.requests[0])
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["tools"] == schemas()
    assert not {"temperature", "tool_choice", "thinking", "top_p"} & set(body)


def test_a_live_transport_speaks_http_to_a_server():
    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"POST /v1/messages" in head
        body = message()[2]
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            % len(body)
            + body
        )
        await writer.drain()
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        claude = Claude(
            model="m",
            api_key="k",
            base_url=f"http://127.0.0.1:{port}",
            transport=None,
            record=lambda attempt: None,
        )
        answer = await claude.ask(
            system="s", tools=schemas(), messages=WAKE, max_tokens=10, deadline_seconds=20
        )
        await claude.close()
        server.close()
        return answer.texts

    assert asyncio.run(main()) == ("hello",)


def test_the_stand_in_says_what_it_is_and_starts_with_a_scan():
    answer, _, took = ask(transport=StandIn(seed=1))
    assert answer.texts[0] == ANNOUNCEMENT
    assert "not Claude" in ANNOUNCEMENT
    assert [call.name for call in answer.calls] == ["scan"]
    again, _, took_again = ask(transport=StandIn(seed=1))
    assert (again, took_again) == (answer, took)
    assert took >= 5


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "max_tokens": 5},
        {"model": "m", "max_tokens": 5, "messages": []},
        {"model": "m", "max_tokens": 5, "messages": WAKE, "quantity": 3},
        {
            "model": "m",
            "max_tokens": 5,
            "messages": [
                *WAKE,
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t", "name": "scan", "input": {}}],
                },
            ],
        },
        {
            "model": "m",
            "max_tokens": 5,
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}],
                }
            ],
        },
    ],
)
def test_the_stand_in_refuses_what_the_service_would(body):
    async def main():
        async with httpx2.AsyncClient(transport=StandIn()) as client:
            return await client.post("http://offline.invalid/v1/messages", json=body)

    assert clock.run(main).status_code == 400
