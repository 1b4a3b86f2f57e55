"""Response models of the cluster, some of them a part of those in :mod:`weatherd.web.schemas`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class NodeModel(_Model):
    """Node of the cluster, as the node that answers sees it."""

    id: Annotated[int, Field(description="New at each start of the node")]
    name: str
    url: Annotated[str | None, Field(description="Address of its HTTP interface for the other nodes; null: none")]
    is_this: Annotated[bool, Field(description="Whether it is the node that answers")]
    shards: Annotated[int, Field(description="Parts of the list that it polls")]
    cities: Annotated[int | None, Field(description="Cities in these parts; null: unknown")]
    seen_ago: Annotated[float, Field(description="Seconds since its last sign of life in the database")]
    list_digest: Annotated[str, Field(description="Differs between nodes with different lists")]
    problem: Annotated[str | None, Field(description="Why its cities are shown as waiting; null: it answers")] = None


class ClusterModel(_Model):
    """The cluster, as the node that answers sees it."""

    state: Annotated[
        Literal["out", "member", "cut", "going_on", "paused"],
        Field(
            description="Of the node that answers: `member` if it is in contact with the database; without contact "
            "`cut` while its lease holds, `going_on` while all nodes are without, and `paused` if it polls nothing; "
            "`out` before it has joined"
        ),
    ]
    lease_left: Annotated[float | None, Field(description="Seconds until it pauses without contact; null: no lease")]
    database_seen_ago: Annotated[float | None, Field(description="Seconds since the database answered; null: never")]
    lease: Annotated[float, Field(description="Seconds after which the shards of a silent node are taken over")]
    shards: Annotated[int, Field(description="Parts of the list")]
    held: Annotated[int, Field(description="Parts that a node polls")]
    nodes: list[NodeModel]
    problems: Annotated[Sequence[str], Field(description="What is wrong, as sentences")] = ()


class NodeStateModel(_Model):
    """What a node answers to the other nodes about itself."""

    id: Annotated[int | None, Field(description="Null before it has joined")]
    state: str
    database: Annotated[bool, Field(description="Whether it is in contact with the database")]
    going_on: Annotated[bool, Field(description="Whether it polls although all nodes are without the database")]
