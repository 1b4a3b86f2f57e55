"""The section of the settings that shares the list with other nodes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from weatherd.config.sections import Section, ServerUrl
from weatherd.config.sections.forwarders import PostgresAddress
from weatherd.config.sections.value_types import Duration

_LEASES = (5.0, 300.0)  # seconds


def _check_lease(seconds: float) -> float:
    if not _LEASES[0] <= seconds <= _LEASES[1]:
        raise ValueError("should be from 5s to 5m")
    return seconds


class ClusterSection(Section):
    """Sharing of the list with other nodes through PostgreSQL."""

    dsn: PostgresAddress = None
    name: Annotated[str | None, Field(min_length=1, description="Name of this node; null: that of the machine")] = None
    url: Annotated[
        ServerUrl | None,
        Field(description="Where the other nodes reach this node's HTTP interface; null: from http.host and http.port"),
    ] = None
    lease: Annotated[
        Duration,
        AfterValidator(_check_lease),
        Field(description="Time after which the cities of a dead node are polled again, 5s to 5m"),
    ] = 10.0
    bridge: Annotated[
        Duration, Field(description="Time for which calls of the plan are allotted to a node in advance")
    ] = 600.0

    @model_validator(mode="after")
    def _check_address(self) -> ClusterSection:
        if not self.dsn:
            raise ValueError("should have a 'dsn', the address of the database that the nodes share")
        return self
