"""The settings of the HTTP interface."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from weatherd.config.sections import ApiKey, Host, Section, reject_bool, split_list
from weatherd.text.addresses import is_loopback

_HOST_NAME = r"^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_.])?$"
_MIN_TOKEN = 8


def _check_host_name(text: str) -> str:
    if not re.fullmatch(_HOST_NAME, text):
        raise ValueError("should be a host name without a port, such as weather.example.org")
    return text.lower().rstrip(".")


class HttpSection(Section):
    """The daemon's HTTP interface: status, metrics and the web page."""

    enabled: Annotated[bool, Field(description="Whether to serve HTTP")] = True
    host: Annotated[Host, Field(description="The address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, BeforeValidator(reject_bool), Field(ge=0, le=65535, description="0: a free port, which is logged")
    ] = 8080
    token: Annotated[
        ApiKey, Field(description="Required for everything but the public parts; at least 8 characters")
    ] = None
    public: Annotated[
        tuple[Literal["page", "metrics", "health"], ...],
        BeforeValidator(split_list),
        NoDecode,
        Field(description="The parts that need no token: page (with the API that it reads), metrics, health"),
    ] = ("health",)
    insecure: Annotated[bool, Field(description="Serve other machines without a token")] = False
    allowed_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_check_host_name)], ...],
        BeforeValidator(split_list),
        NoDecode,  # because pydantic-settings would only accept JSON in a variable
        Field(description="Host names in addresses of requests, beside localhost and this machine's name"),
    ] = ()
    city_metrics: Annotated[
        bool | None, Field(description="Metrics per city; null: if there are at most 10,000 cities")
    ] = None

    @model_validator(mode="after")
    def _check_access(self) -> HttpSection:
        if self.token and len(self.token.get_secret_value()) < _MIN_TOKEN:
            raise ValueError("should have a 'token' of at least 8 characters")
        if self.enabled and not (is_loopback(self.host) or self.token or self.insecure):
            raise ValueError(f"should have a 'token', or 'insecure: true', as 'host' is {self.host}")
        return self
