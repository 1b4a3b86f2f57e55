"""The check of every request, and the form with which a browser signs in."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from weatherd.text.addresses import is_loopback
from weatherd.web.access.session_cookie import LIFETIME, cookie_name, is_token, make_session, session_seconds
from weatherd.web.access.throttle import PERIOD, TokenThrottle
from weatherd.web.middleware import check_host, problem_response
from weatherd.web.page.document import HEADERS, render_form

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from aiohttp.typedefs import Handler, Middleware

_OPEN = ("/static/", "/sign-in", "/sign-out")  # the form itself, and what it is made of
_HEALTH = ("/-/healthy", "/-/ready")
_ADDRESS = re.compile(r"\?[^\s#<>\"\\]{0,500}")  # of a view: the query of the page


def find_part(request: web.Request) -> str | None:
    """Return the part of ``http.public`` that a request belongs to, or None if it always needs the token."""
    if request.path in _HEALTH:
        return "health"
    if request.path == "/metrics":
        return "metrics"
    is_read = request.method in {"GET", "HEAD"}
    return "page" if is_read and (request.path == "/" or request.path.startswith("/api/v1/")) else None


class AccessControl:
    """Checks the token, the cookie or the host of each request.

    Without a token everything is open to requests that name a known host. With one, programs send it in a header and
    browsers in a form, which gives them a cookie. *now* is the time in UTC.
    """

    def __init__(
        self, token: str | None, public: Collection[str], hosts: Collection[str], now: Callable[[], datetime]
    ) -> None:
        self._token = token
        self._public = public
        self._hosts = hosts
        self._now = now
        self._throttle = TokenThrottle(time.monotonic)

    @property
    def middleware(self) -> Middleware:
        """The middleware that lets a request pass or rejects it."""

        @web.middleware
        async def authorize(request: web.Request, handler: Handler) -> web.StreamResponse:
            rejection = await self._find_rejection(request)
            if rejection is not None:
                return rejection
            response = await handler(request)
            self._renew(request, response)
            return response

        return authorize

    async def _find_rejection(self, request: web.Request) -> web.StreamResponse | None:
        if self._token is None:
            return check_host(request, self._hosts)
        if request.path.startswith(_OPEN) or (find_part(request) == "health" and "health" in self._public):
            return None
        if request.headers.get(hdrs.AUTHORIZATION):
            return await self._check_bearer(request, self._token)
        if self.is_signed_in(request):
            return None
        if find_part(request) in self._public:
            return check_host(request, self._hosts)
        if request.path == "/" and "text/html" in request.headers.get(hdrs.ACCEPT, ""):
            return self._form(request, status=HTTPStatus.UNAUTHORIZED)
        return _unauthorized()

    async def _check_bearer(self, request: web.Request, token: str) -> web.StreamResponse | None:
        client = find_client(request)
        if not await self._throttle.wait_for_turn(client):
            return problem_response(429, "too many wrong tokens from this address", {hdrs.RETRY_AFTER: "15"})
        scheme, _, credentials = request.headers[hdrs.AUTHORIZATION].partition(" ")
        if scheme.lower() == "bearer" and is_token(credentials.strip(), token):
            return None
        if scheme.lower() == "bearer":
            self._throttle.record_failure(client)
        return _unauthorized()

    def is_signed_in(self, request: web.Request) -> bool:
        """Return whether a request has a valid cookie."""
        return self._seconds_left(request) > 0

    def _seconds_left(self, request: web.Request) -> float:
        if self._token is None:
            return 0.0
        value = request.cookies.get(cookie_name(self._token), "")
        return session_seconds(self._token, value, self._now().timestamp())

    def _renew(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give a browser that is used a new cookie, when half of the time of its old one is over."""
        if not response.prepared and 0 < self._seconds_left(request) < LIFETIME / 2:
            self._set_cookie(request, response)

    def _set_cookie(self, request: web.Request, response: web.StreamResponse) -> None:
        if self._token:
            response.set_cookie(
                cookie_name(self._token),
                make_session(self._token, self._now().timestamp()),
                max_age=LIFETIME,
                httponly=True,
                samesite="Strict",
                secure=is_tls(request),
            )

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Compare the token of the form; set the cookie, and return to the view that was asked for."""
        if request.method != hdrs.METH_POST:  # a reload of the form
            return _redirect("")
        fields = await request.post()
        address = str(fields.get("next", ""))
        address = address if _ADDRESS.fullmatch(address) else ""
        if self._token is None:
            return _redirect(address)
        client = find_client(request)
        if seconds := self._throttle.blocked_seconds(client):
            until = self._now() + timedelta(seconds=seconds)
            text = f"Too many tries. Try again at {until.astimezone(UTC):%H:%M} UTC."
            return self._form(request, HTTPStatus.TOO_MANY_REQUESTS, text, address)
        if is_token(str(fields.get("token", "")).strip(), self._token):
            response = _redirect(address)
            self._set_cookie(request, response)
            return response
        self._throttle.record_failure(client)
        left, minutes = self._throttle.tries_left(client), int(PERIOD // 60)
        tries = f"{left} more {'try' if left == 1 else 'tries'} in the next {minutes} minutes"
        text = f"The token is wrong. {tries if left else f'Try again in {minutes} minutes'}."
        return self._form(request, HTTPStatus.UNAUTHORIZED, text, address)

    async def sign_out(self, _: web.Request) -> web.StreamResponse:
        """Delete the cookie."""
        response = _redirect("")
        if self._token:
            response.del_cookie(cookie_name(self._token), httponly=True, samesite="Strict")
        return response

    @staticmethod
    def _form(
        request: web.Request, status: HTTPStatus, error: str = "", address: str | None = None
    ) -> web.StreamResponse:
        query = f"?{request.query_string}" if address is None and request.query_string else address or ""
        text = render_form(escape(request.host), error, query if _ADDRESS.fullmatch(query) else "")
        headers = HEADERS | {hdrs.WWW_AUTHENTICATE: "Bearer", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=text, content_type="text/html", status=status, headers=headers)


def _unauthorized() -> web.Response:
    detail = "send the header 'Authorization: Bearer TOKEN', where TOKEN is http.token in weatherd's settings"
    return problem_response(401, detail, {hdrs.WWW_AUTHENTICATE: "Bearer"})


def _redirect(address: str) -> web.Response:
    return web.Response(
        status=HTTPStatus.SEE_OTHER, headers={hdrs.LOCATION: f"./{address}", "Cache-Control": "no-store"}
    )


def find_client(request: web.Request) -> str:
    """Return the address of a client. Behind a reverse proxy on this machine it is the one that the proxy reports."""
    peer = request.remote or ""
    forwarded = request.headers.get(hdrs.X_FORWARDED_FOR, "").rpartition(",")[2].strip()
    return forwarded[:64] if forwarded and is_loopback(peer) else peer


def is_tls(request: web.Request) -> bool:
    """Return whether the browser used TLS, as far as to a reverse proxy that reports it."""
    return request.secure or request.headers.get(hdrs.X_FORWARDED_PROTO, "").partition(",")[0].strip() == "https"
