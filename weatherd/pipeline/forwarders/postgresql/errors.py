"""Translation of the exceptions of asyncpg, the driver of PostgreSQL."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING

from weatherd.errors import DeliveryError, RejectedError, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

# Classes of SQLSTATE: data exception, integrity constraint violation, WITH CHECK OPTION, program limit exceeded
_ABOUT_VALUES = ("22", "23", "44", "54")
# Connection, transaction state, authorization, catalog, rollback, access rule, resources, operator, system
_ABOUT_SERVER = ("08", "25", "28", "3D", "40", "42", "53", "57", "58")


@contextlib.contextmanager
def translate_postgres_errors() -> Iterator[None]:
    """Translate the driver's exceptions into RejectedError if they concern the values, else into DeliveryError."""
    asyncpg = importlib.import_module("asyncpg")
    try:
        yield
    except TimeoutError:
        raise DeliveryError("no response in time") from None
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
        ValueError,
    ) as error:
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith(_ABOUT_VALUES) or isinstance(error, asyncpg.DataError):
            raise RejectedError(describe(error)) from None
        is_suspected = bool(state) and not state.startswith(_ABOUT_SERVER)
        raise DeliveryError(describe(error), batch_suspected=is_suspected) from None
