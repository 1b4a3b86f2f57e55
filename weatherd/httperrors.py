"""What may go wrong in an exchange, in words for people: foreign exceptions are translated here, and nowhere else."""

from __future__ import annotations

import errno
import os
import ssl

import aiohttp
from aiohttp.http import HttpProcessingError

from weatherd.errors import Failure, ProviderError


class translated:  # noqa: N801 - it is used as contextlib's are
    """Turn what aiohttp and the system raise into an error of ours, without that: it may quote the address."""

    __slots__ = ("_deadline",)

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Translate what was raised."""
        match error:
            case None:
                return
            case TimeoutError():
                raise ProviderError(f"no whole answer within {self._deadline:g} s", Failure.BROKEN) from None
            case aiohttp.ClientPayloadError():
                raise ProviderError(_reason(error), Failure.BROKEN) from None
            case aiohttp.ClientError() | HttpProcessingError() | OSError() | ValueError():
                raise ProviderError(_reason(error), Failure.UNAVAILABLE) from None


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
