"""Conversion of aiohttp's errors into those of the client for polls. Imported only where aiohttp is in use."""

from __future__ import annotations

import aiohttp
from httptools import HttpParserError

from weatherd.http.errors import (
    ConnectionClosedError,
    ExplainedError,
    InvalidAddressError,
    ProxyStatusError,
    ResponseCutError,
    describe_cause,
    explain_certificate,
    explain_connect,
    explain_lookup,
)


def convert_client_error(error: Exception, peer: str) -> Exception:
    """Return the error that has the same meaning as one of aiohttp's; *error* itself if there is none."""
    match error:
        case TimeoutError():
            return error
        case aiohttp.ClientHttpProxyError():
            return ProxyStatusError(error.status)
        case aiohttp.ClientPayloadError():
            return ResponseCutError()
        case aiohttp.ServerDisconnectedError():
            return ConnectionClosedError()
        case aiohttp.InvalidURL():
            return InvalidAddressError()
        case aiohttp.ClientResponseError():
            return HttpParserError()
        case aiohttp.ClientConnectorError():
            return ExplainedError(_explain(error, peer))
    return error


def _explain(error: aiohttp.ClientConnectorError, peer: str) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return explain_lookup(error.host)
        case aiohttp.ClientConnectorCertificateError():
            return explain_certificate(error.host, error.certificate_error)
        case aiohttp.ClientProxyConnectionError():
            return f"no connection to {peer}: {describe_cause(error.os_error)}"
    return explain_connect(error.host, error.port, error.os_error)
