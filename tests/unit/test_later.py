"""A part of the web application that is made after the rest: once, and asked for nothing but its own addresses."""

from __future__ import annotations

import asyncio
import threading

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from tikisync.web.later import Later


def part(made: list[str]) -> Later:
    def make() -> ASGIApp:
        made.append(threading.current_thread().name)
        return PlainTextResponse("a page")

    return Later("/part", make)


async def status(application: ASGIApp, path: str) -> int:
    """Return the status that a GET request gets."""
    told: list[int] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        told.append(message.get("status", 0))

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await application(scope, receive, send)
    return told[0]


async def statuses(application: ASGIApp, path: str, times: int) -> list[int]:
    return await asyncio.gather(*(status(application, path) for _ in range(times)))


def test_those_who_ask_first_at_the_same_time_get_the_same_one_made_off_the_loop() -> None:
    made: list[str] = []
    assert asyncio.run(statuses(Starlette(routes=[part(made)]), "/part/x", 8)) == [200] * 8
    assert len(made) == 1
    assert made[0] != threading.main_thread().name


def test_what_was_made_before_is_not_made_again() -> None:
    made: list[str] = []
    route = part(made)
    route.load()
    assert asyncio.run(statuses(Starlette(routes=[route]), "/part", 1)) == [200]
    assert len(made) == 1


@pytest.mark.parametrize("path", ["/", "/parts", "/other/part"])
def test_other_addresses_are_not_its_own(path: str) -> None:
    made: list[str] = []
    assert asyncio.run(statuses(Starlette(routes=[part(made)]), path, 1)) == [404]
    assert made == []
