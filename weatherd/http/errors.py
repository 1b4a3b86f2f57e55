"""Translation of errors of libraries and the system into ProviderError, without URLs, which may hold a key."""

from __future__ import annotations

import errno
import os
import ssl
from typing import TYPE_CHECKING

import aiohttp
from httptools import HttpParserError

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from weatherd.http.connections import Attempt

FOREIGN_ERRORS = (aiohttp.ClientError, HttpParserError, OSError, ValueError)  # a TimeoutError is an OSError
_UNKNOWN_CA = (18, 19, 20)  # OpenSSL's X509_V_ERR_*: self-signed, or signed by an unknown CA
_PRIVATE_CA = "; if a private CA has signed it, name that CA's certificate file in tls.ca_file"


def translate(error: Exception, attempt: Attempt) -> ProviderError:
    """Return the ProviderError for one of FOREIGN_ERRORS; raise it ``from None``, because the original may quote a key.

    The frames of the original are released.
    If a proxy is in use, the text names it: as the cause if that is certain, else at the end.
    """
    release_frames(error)
    proxy = attempt.proxy
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return proxy_error(error.status, proxy)
    is_at_proxy = proxy and not (attempt.is_tunnelled and attempt.connection)
    text = _reason(error, f"the proxy {proxy}" if is_at_proxy else "the service", attempt.deadline)
    if proxy and proxy not in text:
        text += f" (through the proxy {proxy})"
    is_begun = isinstance(error, aiohttp.ClientPayloadError | TimeoutError)
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
        case aiohttp.ClientConnectorDNSError():
            return _lookup_failure(error.host)
        case aiohttp.ClientConnectorCertificateError():
            return _untrusted_certificate(error.host, error.certificate_error)
        case aiohttp.ClientProxyConnectionError():
            return f"no connection to {peer}: {_describe(error.os_error)}"
        case aiohttp.ClientConnectorError():
            return _connect_failure(error.host, error.port, error.os_error)
        case aiohttp.ClientPayloadError():
            return "the response was cut off"
        case aiohttp.ServerDisconnectedError():
            return f"{peer} closed the connection without a response"
        case aiohttp.InvalidURL() | UnicodeError():
            return "the address of the service is not a web address"
        case aiohttp.ClientResponseError() | HttpParserError():
            return f"{peer} does not speak HTTP correctly"
    return f"the request failed: {_describe(error)}"


def lookup_error(host: str) -> ProviderError:
    """Return the error for a name that cannot be resolved."""
    return ProviderError(_lookup_failure(host), Failure.UNAVAILABLE)


def connect_error(host: str, port: int | None, error: OSError) -> ProviderError:
    """Return the error for a connection or a TLS handshake that fails."""
    is_certificate = isinstance(error, ssl.SSLCertVerificationError)
    text = _untrusted_certificate(host, error) if is_certificate else _connect_failure(host, port, error)
    return ProviderError(text, Failure.UNAVAILABLE)


def _lookup_failure(host: str) -> str:
    return f"the name {host} cannot be resolved"


def _untrusted_certificate(host: str, error: Exception) -> str:
    return f"the certificate of {host} is not trusted: {_describe(error)}"


def _connect_failure(host: str, port: int | None, error: Exception) -> str:
    return f"no connection to {host}:{port}: {_describe(error)}"


def _describe(error: Exception) -> str:
    """Return a text that cannot contain a key: OpenSSL's or the system's text, or the type of the error."""
    if isinstance(error, ssl.SSLCertVerificationError) and (reason := getattr(error, "verify_message", "")):
        return reason + (_PRIVATE_CA if error.verify_code in _UNKNOWN_CA else "")
    if isinstance(error, ssl.SSLError):
        return error.strerror or type(error).__name__
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0)
    return type(error).__name__
