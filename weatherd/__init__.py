"""weatherd: a daemon that records the current weather for a list of cities.

The names in ``__all__`` are the public Python API for plug-ins and scripts; docs/plugins.md has examples of both. All
other names may change in any release. Importing this package has no side effects; a name is imported when it is first
used.

- Values: :class:`City`, :class:`Observation`.
- Plug-ins: :class:`Provider`, :class:`ProviderTraits`, :class:`Plan`, :class:`PastTraits`, :class:`Resources`;
  :class:`Sink`, :class:`FetchedObservation`; :class:`Forwarder`, :class:`Connection`, :class:`ForwarderResources`.
- Errors: :class:`WeatherdError` and its subclasses; :class:`Failure` classifies a :class:`ProviderError`.
- A running daemon's HTTP API: :class:`Client`, and its results: :class:`CityModel`, :class:`CityDetail`,
  :class:`ObservationModel`, :class:`NumberedObservation`, :class:`AlertModel`, :class:`WarningModel`,
  :class:`StatusModel`, :class:`HealthModel`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.cli.client import CityNotFoundError, Client, ClientError
    from weatherd.errors import (
        ConfigError,
        DeliveryError,
        Failure,
        Problem,
        ProviderError,
        RejectedError,
        StateError,
        WeatherdError,
    )
    from weatherd.observation import FetchedObservation, Observation
    from weatherd.pipeline.forwarders import Connection, Forwarder, ForwarderResources
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider, ProviderTraits, Resources
    from weatherd.providers.past import PastTraits
    from weatherd.quota.plans import Plan
    from weatherd.web.alerts.models import AlertModel
    from weatherd.web.schemas import (
        CityDetail,
        CityModel,
        HealthModel,
        NumberedObservation,
        ObservationModel,
        StatusModel,
    )
    from weatherd.web.warnings.models import WarningModel

__version__ = version("weatherd")
__all__ = [
    "AlertModel",
    "City",
    "CityDetail",
    "CityModel",
    "CityNotFoundError",
    "Client",
    "ClientError",
    "ConfigError",
    "Connection",
    "DeliveryError",
    "Failure",
    "FetchedObservation",
    "Forwarder",
    "ForwarderResources",
    "HealthModel",
    "NumberedObservation",
    "Observation",
    "ObservationModel",
    "PastTraits",
    "Plan",
    "Problem",
    "Provider",
    "ProviderError",
    "ProviderTraits",
    "RejectedError",
    "Resources",
    "Sink",
    "StateError",
    "StatusModel",
    "WarningModel",
    "WeatherdError",
]

_MODULES = {
    "weatherd.city": ("City",),
    "weatherd.cli.client": ("CityNotFoundError", "Client", "ClientError"),
    "weatherd.observation": ("FetchedObservation", "Observation"),
    "weatherd.pipeline.forwarders": ("Connection", "Forwarder", "ForwarderResources"),
    "weatherd.pipeline.sinks": ("Sink",),
    "weatherd.providers": ("Provider", "ProviderTraits", "Resources"),
    "weatherd.providers.past": ("PastTraits",),
    "weatherd.quota.plans": ("Plan",),
    "weatherd.web.alerts.models": ("AlertModel",),
    "weatherd.web.warnings.models": ("WarningModel",),
    "weatherd.web.schemas": (
        "CityDetail",
        "CityModel",
        "HealthModel",
        "NumberedObservation",
        "ObservationModel",
        "StatusModel",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562), because importing all of them takes half a second."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "weatherd.errors")), name)
