"""Translation of errors of libraries and the system into ProviderError, without URLs, which may hold a key."""

from __future__ import annotations

import errno
import os
import ssl
import sys
from typing import TYPE_CHECKING

from httptools import HttpParserError

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from weatherd.http.connections import Attempt

_UNKNOWN_CA = (18, 19, 20)  # OpenSSL's X509_V_ERR_*: self-signed, or signed by an unknown CA
_PRIVATE_CA = "; if a private CA has signed it, name that CA's certificate file in tls.ca_file"


class RequestError(Exception):
    """A request has failed."""


class ConnectionClosedError(RequestError):
    """The server has closed the connection without a response."""


class ResponseCutError(RequestError):
    """The response is incomplete or damaged."""


class InvalidAddressError(RequestError):
    """A URL is not one for HTTP."""


class ExplainedError(RequestError):
    """A failure whose whole text is its argument."""


class ProxyStatusError(RequestError):
    """The proxy has sent a response of its own; the argument is its status."""


_FOREIGN_ERRORS = (RequestError, HttpParserError, OSError, ValueError)  # a TimeoutError is an OSError


def foreign_errors() -> tuple[type[Exception], ...]:
    """Return the errors for :func:`translate`; aiohttp's are among them once something has imported it."""
    return (*_FOREIGN_ERRORS, *_client_errors())


def _client_errors() -> tuple[type[Exception], ...]:
    """Return the base class of aiohttp's errors; nothing if aiohttp is not imported, or just being so in a thread."""
    client_error = getattr(sys.modules.get("aiohttp"), "ClientError", None)
    return (client_error,) if client_error else ()


def translate(error: Exception, attempt: Attempt) -> ProviderError:
    """Return the ProviderError for one of foreign_errors(); raise it ``from None``: the original may quote a key.

    The frames of the original are released.
    If a proxy is in use, the text names it: as the cause if that is certain, else at the end.
    """
    release_frames(error)
    proxy = attempt.proxy
    is_at_proxy = proxy and not (attempt.is_tunnelled and attempt.connection)
    peer = f"the proxy {proxy}" if is_at_proxy else "the service"
    if isinstance(error, _client_errors()):
        from weatherd.http.client_errors import convert_client_error  # noqa: PLC0415 - it imports aiohttp

        error = convert_client_error(error, peer)
    if isinstance(error, ProxyStatusError):
        return proxy_error(error.args[0], proxy)
    text = _reason(error, peer, attempt.deadline)
    if proxy and proxy not in text:
        text += f" (through the proxy {proxy})"
    is_begun = isinstance(error, ResponseCutError | TimeoutError)
    return ProviderError(text, Failure.BROKEN if is_begun else Failure.UNAVAILABLE)


def release_frames(error: BaseException | None) -> None:
    """Remove the tracebacks of an error and of its causes.

    aiohttp keeps the error of a response in the stream that raises it, and so the traceback refers to a frame that
    refers to the stream: a cycle, with everything that belongs to the connection, which only the collector would free.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def proxy_error(status: int, proxy: str | None) -> ProviderError:
    """Return the error for a response that the proxy itself sent."""
    if status == 407:  # noqa: PLR2004 - Proxy Authentication Required
        return ProviderError(f"the proxy {proxy} requires a user name and a password", Failure.DENIED)
    return ProviderError(f"the proxy {proxy} cannot reach the service: status {status}", Failure.UNAVAILABLE)


def _reason(error: Exception, peer: str, deadline: float) -> str:
    match error:
        case TimeoutError():
            return f"no complete response within {deadline:g} s"
        case ExplainedError():
            return str(error)
        case ResponseCutError():
            return "the response was cut off"
        case ConnectionClosedError():
            return f"{peer} closed the connection without a response"
        case InvalidAddressError() | UnicodeError():
            return "the address of the service is not a web address"
        case HttpParserError():
            return f"{peer} does not speak HTTP correctly"
    return f"the request failed: {describe_cause(error)}"


def lookup_error(host: str) -> ProviderError:
    """Return the error for a name that cannot be resolved."""
    return ProviderError(explain_lookup(host), Failure.UNAVAILABLE)


def connect_error(host: str, port: int | None, error: OSError) -> ProviderError:
    """Return the error for a connection or a TLS handshake that fails."""
    is_certificate = isinstance(error, ssl.SSLCertVerificationError)
    text = explain_certificate(host, error) if is_certificate else explain_connect(host, port, error)
    return ProviderError(text, Failure.UNAVAILABLE)


def explain_lookup(host: str) -> str:
    """Return the text for a name that cannot be resolved."""
    return f"the name {host} cannot be resolved"


def explain_certificate(host: str, error: Exception) -> str:
    """Return the text for a certificate that cannot be verified."""
    return f"the certificate of {host} is not trusted: {describe_cause(error)}"


def explain_connect(host: str, port: int | None, error: Exception) -> str:
    """Return the text for a connection or a TLS handshake that fails."""
    return f"no connection to {host}:{port}: {describe_cause(error)}"


def describe_cause(error: Exception) -> str:
    """Return a text that cannot contain a key: OpenSSL's or the system's text, or the type of the error."""
    if isinstance(error, ssl.SSLCertVerificationError) and (reason := getattr(error, "verify_message", "")):
        return reason + (_PRIVATE_CA if error.verify_code in _UNKNOWN_CA else "")
    if isinstance(error, ssl.SSLError):
        return error.strerror or type(error).__name__
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0)
    return type(error).__name__
