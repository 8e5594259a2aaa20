"""The page's routes: one page, one form's target, and the two files that the page loads."""

from __future__ import annotations

import secrets
import time
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from amtconnector.simulator.page import guard
from amtconnector.simulator.page.actions import act
from amtconnector.simulator.page.view import SHOWS, Asked, Viewer
from amtconnector.simulator.statuses import TERMINAL, name_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from amtconnector.simulator.page.values import TaskRow
    from amtconnector.simulator.page.view import World

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
FORM_LIMIT = 10_000
NOTICES_KEPT = 50


class Page:
    """The endpoints of the page."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._viewer = Viewer(world)
        self._token = secrets.token_urlsafe(24)
        self._notices: dict[str, str] = {}
        self._templates = Environment(
            loader=PackageLoader("amtconnector.simulator.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        statuses = sorted((name_of(number), number) for number in TERMINAL)
        self._templates.globals.update(token=self._token, statuses=statuses, row=self._row_maker())
        self._page = self._templates.get_template("page.html")
        self._refusal = self._templates.get_template("refusal.html")

    def routes(self) -> list[Route]:
        """Return the routes: the address itself, and a few below `/simulator/page`."""
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/simulator/page", self.act, methods=["POST"]),
            Route("/simulator/page/{name}", self.file, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer the page."""
        if objection := guard.objection_to_reading(request):
            return self._refused(objection)
        query = request.query_params
        asked = Asked(
            show=query.get("show", "") if query.get("show") in SHOWS else "all",
            task=_number(query.get("task", "")),
            before=_number(query.get("before", "")),
            notice=self._notices.get(query.get("said", ""), ""),
            address=guard.own_origin(request),
        )
        text = self._page.render(self._viewer.view(asked, time.time())._asdict())
        return Response(text, media_type="text/html", headers=HEADERS)

    async def act(self, request: Request) -> Response:
        """Do what a form asks for, and answer the way back to the page."""
        content = await request.body()
        form = dict(parse_qsl(content.decode("latin-1"), keep_blank_values=True)) if len(content) < FORM_LIMIT else {}
        if objection := guard.objection_to_acting(request, form.get("token", ""), self._token):
            return self._refused(objection)
        try:
            notice = act(self._world, form)
        except LookupError as error:
            notice = str(error.args[0])
        back = {"said": self._noted(notice), **{name: form.get(name, "") for name in ("show", "task", "before")}}
        return RedirectResponse(f"/?{urlencode({name: text for name, text in back.items() if text})}", 303)

    async def file(self, request: Request) -> Response:
        """Answer the style sheet, the script or the icon."""
        name = request.path_params["name"]
        if objection := guard.objection_to_reading(request):
            return self._refused(objection)
        if name not in FILES:
            return Response(status_code=404)
        return Response(_static(name), media_type=FILES[name], headers=HEADERS)

    def _refused(self, objection: str) -> Response:
        return Response(self._refusal.render(objection=objection), 403, HEADERS, "text/html")

    def _noted(self, notice: str) -> str:
        """Keep a sentence for the page that follows; its address carries only a key, so that nobody can forge one."""
        key = secrets.token_hex(4)
        self._notices[key] = notice
        while len(self._notices) > NOTICES_KEPT:
            del self._notices[next(iter(self._notices))]
        return key

    def _row_maker(self) -> object:
        """Return a function that lays out a row of the table, each different one once."""
        module = self._templates.get_template("row.html").module

        @lru_cache(maxsize=4096)
        def row(task: TaskRow, *, is_chosen: bool, query: str) -> Markup:
            return Markup(module.row(task, is_chosen, query))  # type: ignore[attr-defined]  # noqa: S704 - escaped by the macro

        return row


@lru_cache
def _static(name: str) -> bytes:
    from importlib.resources import files

    return (files("amtconnector.simulator.page") / "static" / name).read_bytes()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0
