"""How every question is met: who may ask, what is wrong with it, and whether the answer is known already."""

from __future__ import annotations

import hashlib
import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import structlog
from aiohttp import hdrs, web
from pydantic import ValidationError

from weatherd.errors import StateError, did_you_mean
from weatherd.web.schemas import Model, ProblemModel

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

log = structlog.get_logger()

_M = TypeVar("_M", bound=Model)

PUBLIC_PATHS = ("/-/healthy", "/-/ready")  # for whoever asks, token or not
_MIN_COMPRESSED_SIZE = 1024  # bytes


class ProblemError(Exception):
    """What cannot be answered."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def problem_response(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """Say what is wrong: RFC 9457."""
    body = ProblemModel(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return web.Response(
        status=status, text=body.model_dump_json(), content_type="application/problem+json", headers=headers
    )


def parse_query(request: web.Request, model: type[_M]) -> _M:
    """Return what the address asks for; BadQuestionError with what is wrong with it."""
    given = request.query
    for name in given:
        if name not in model.model_fields:
            known = f": {', '.join(model.model_fields)}" if model.model_fields else ""
            detail = f"there is no parameter {name!r}{did_you_mean(name, model.model_fields) or known}"
            raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
        if len(given.getall(name)) > 1:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"{name!r} is there more than once")
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        details = [f"{each['loc'][0]!r}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()]
        raise ProblemError(HTTPStatus.BAD_REQUEST, "; ".join(details)) from None


def json_response(model: Model, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(text=model.model_dump_json(), content_type="application/json", status=status)


def require_token(token: str | None) -> Middleware:
    """Return the middleware that lets in only who knows the token, where there is one."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if token is None or request.path in PUBLIC_PATHS:
            return await handler(request)
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        scheme, _, said = given.partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(_digest(said.strip()), _digest(token)):
            return await handler(request)
        detail = "this needs the header 'Authorization: Bearer TOKEN', with http.token of weatherd's settings"
        return problem_response(401, detail, {hdrs.WWW_AUTHENTICATE: "Bearer"})

    return guard


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


@web.middleware
async def handle_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer everything that goes wrong with a problem in words."""
    try:
        return await handler(request)
    except ProblemError as error:
        return problem_response(error.status, str(error))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_response(405, f"{request.path} takes {allowed}", {hdrs.ALLOW: allowed})
    except web.HTTPException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return problem_response(404, f"there is nothing at {request.path}; / names what there is")
        return problem_response(error.status, error.text or error.reason)
    except StateError as error:
        return problem_response(503, str(error))
    except (ConnectionError, web.RequestPayloadError):
        raise
    except Exception as error:
        log.error("http.bug", path=request.path, exc_info=error)
        return problem_response(500, "this is a bug of weatherd; its log has the details")


@web.middleware
async def cache_and_compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave out what the other side has already, and pack what is large."""
    response = await handler(request)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if not isinstance(response, web.Response) or response.status != HTTPStatus.OK:
        return response
    body = response.body
    if not isinstance(body, bytes):
        return response
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    response.headers[hdrs.VARY] = "Accept-Encoding, Accept"
    response.headers[hdrs.CACHE_CONTROL] = "no-cache"
    response.headers[hdrs.ETAG] = f'W/"{etag}"'  # weak: packed or not, it says the same
    known = request.if_none_match or ()
    if request.method in {"GET", "HEAD"} and any(each.value in {etag, "*"} for each in known):
        headers = {name: response.headers[name] for name in (hdrs.ETAG, hdrs.VARY, hdrs.CACHE_CONTROL)}
        return web.Response(status=304, headers=headers)
    if len(body) >= _MIN_COMPRESSED_SIZE and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower():
        response.enable_compression(web.ContentCoding.gzip)
    return response
