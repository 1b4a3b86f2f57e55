"""Request handling shared by all endpoints: host names, query parsing, problem responses, ETags and compression."""

from __future__ import annotations

import hashlib
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import structlog
from aiohttp import hdrs, web
from pydantic import ValidationError

from weatherd.errors import StateError
from weatherd.text.addresses import parse_ip_address
from weatherd.text.suggestions import did_you_mean
from weatherd.web.schemas import Model, ProblemModel

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp.typedefs import Handler
    from pydantic import BaseModel

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus

log = structlog.get_logger()

_M = TypeVar("_M", bound=Model)

_MIN_COMPRESSED_SIZE = 1024  # bytes
_LISTS = ("tag", "id")  # parameters that may have several values


class ProblemError(Exception):
    """A failed request; the response is a problem document with the text *detail*."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}  # a browser must not take JSON for a page


def problem_response(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error response as specified by RFC 9457, "Problem Details for HTTP APIs"."""
    body = ProblemModel(title=HTTPStatus(status).phrase, status=status, detail=detail)
    headers = {**_NO_SNIFFING, **(headers or {})}
    return web.Response(
        status=status, text=body.model_dump_json(), content_type="application/problem+json", headers=headers
    )


def parse_query(request: web.Request, model: type[_M]) -> _M:
    """Parse the query parameters of a request. Raises ProblemError (400) for invalid parameters."""
    parameters = request.query
    for name in parameters:
        if name not in model.model_fields:
            known = f": {', '.join(model.model_fields)}" if model.model_fields else ""
            detail = f"unknown parameter {name!r}{did_you_mean(name, model.model_fields) or known}"
            raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
        if len(parameters.getall(name)) > 1:
            advice = "; separate its values with commas" if name in _LISTS else ""
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"parameter {name!r} is given more than once{advice}")
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        details = [f"{item['loc'][0]!r}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()]
        raise ProblemError(HTTPStatus.BAD_REQUEST, "; ".join(details)) from None


def require_city(request: web.Request, status: DaemonStatus) -> City:
    """Return the city that the path of a request names. Raises ProblemError (404) if it is not in the list."""
    city_id = request.match_info["id"]
    city = status.registry.get(city_id)
    if city is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no city in the list has the id {city_id!r}")
    return city


def json_response(model: BaseModel, status: int = 200) -> web.Response:
    """Return a JSON response."""
    return web.Response(text=model.model_dump_json(), content_type="application/json", status=status)


def check_host(request: web.Request, names: Collection[str]) -> web.Response | None:
    """Return a rejection (421) unless a request names an IP address, or one of *names*, which are in lower case.

    Otherwise any web page could read the API through the browser of a user who can reach weatherd, although the page's
    server cannot: it changes the address of its own name to 127.0.0.1 after the page has been loaded (DNS rebinding).
    The browser still sends that name in the ``Host`` header.
    """
    name = _parse_host(request.headers.get(hdrs.HOST, ""))
    if not name or name in names or name.endswith(".localhost") or parse_ip_address(name):
        return None
    advice = "use the IP address, or add the name to http.allowed_hosts in weatherd's settings"
    return problem_response(421, f"weatherd does not serve the host name {name!r}; {advice}")


def local_host_names() -> set[str]:
    """Return the names of this machine: localhost, its host name, and that name in multicast DNS."""
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    return {"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", full, short, f"{short}.local"}


def _parse_host(header: str) -> str:
    """Return the host of a ``Host`` header without its port, in lower case."""
    host = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
    return host.lower().rstrip(".")


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Convert every error to a problem document."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem_response(error.status, str(error))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_response(405, f"{request.path} accepts only {allowed}", {hdrs.ALLOW: allowed})
    except web.HTTPException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return problem_response(404, f"{request.path} does not exist; see / for a list of the endpoints")
        return problem_response(error.status, error.text or error.reason)
    except StateError as error:
        return problem_response(503, str(error))
    except (ConnectionError, web.RequestPayloadError):
        raise
    except Exception as error:
        log.error("http.bug", path=request.path, exc_info=error)
        return problem_response(500, "internal error, a bug in weatherd; see http.bug in the log for details")


@web.middleware
async def cache_and_compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return 304 when the client already has the response (If-None-Match), and compress large responses."""
    response = await handler(request)
    response.headers.update(_NO_SNIFFING)
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK:
        return response
    body = response.body
    if not isinstance(body, bytes):
        return response
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    response.headers[hdrs.VARY] = "Accept-Encoding, Accept"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")
    response.headers[hdrs.ETAG] = f'W/"{etag}"'  # weak, because the compressed and the plain body share it
    cached = request.if_none_match or ()
    if request.method in {"GET", "HEAD"} and any(tag.value in {etag, "*"} for tag in cached):
        headers = {name: response.headers[name] for name in (hdrs.ETAG, hdrs.VARY, hdrs.CACHE_CONTROL)}
        return web.Response(status=304, headers=headers)
    if len(body) >= _MIN_COMPRESSED_SIZE and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower():
        response.enable_compression(web.ContentCoding.gzip)
    return response
