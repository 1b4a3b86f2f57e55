"""What may go wrong in an exchange, in words for people: foreign exceptions are translated here, and nowhere else."""

from __future__ import annotations

import errno
import os
import ssl

import aiohttp
from aiohttp.http import HttpProcessingError

from weatherd.errors import Failure, ProviderError

FOREIGN = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)  # a TimeoutError is an OSError


def translated(error: Exception, deadline: float) -> ProviderError:
    """Return an error of ours for one of these, to be raised without that: it may quote the address."""
    if isinstance(error, TimeoutError):
        return ProviderError(f"no whole answer within {deadline:g} s", Failure.BROKEN)
    is_begun = isinstance(error, aiohttp.ClientPayloadError)
    return ProviderError(_reason(error), Failure.BROKEN if is_begun else Failure.UNAVAILABLE)


def _reason(error: Exception) -> str:
    """Say what went wrong without the error's own text, which may quote the address and with it a key."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {error.host} is not trusted: {_plain(error.certificate_error)}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}:{error.port}: {_plain(error.os_error)}"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
        case aiohttp.ServerDisconnectedError():
            return "the service hung up without an answer"
        case aiohttp.InvalidURL() | UnicodeError():
            return "the address of the service is no web address"
        case HttpProcessingError():
            return "the service does not speak HTTP as it should"
    return f"the exchange failed: {_plain(error)}"


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.strerror or type(error).__name__
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0)
    return type(error).__name__
