"""The section ``notify`` of the rules file: to whom alerts are sent, and by which means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    WithJsonSchema,
)

from weatherd.alerts.quiet_hours import QUIET_SCHEMA, QuietHours, parse_quiet
from weatherd.config.paths import expand_home, read_regular_file
from weatherd.config.sections.value_types import Duration, Word
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TARGET_FORM = (
    "should be an Apprise address such as ntfys://ntfy.sh/topic, {file: NAME} with a file that holds it, "
    "{webhook: URL} or {command: [PROGRAM, ARGUMENT, …]}"
)
_SECRET_FORM = "should be text, or {file: NAME} with a file that holds it"  # noqa: S105 - not a secret
_SECRET_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"file": {"type": "string", "minLength": 1}},
            "required": ["file"],
            "additionalProperties": False,
        },
    ]
}


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret, or the name of the file that holds it."""

    text: SecretStr | None = None
    file: str = ""

    def read(self, folder: Path, environ: Mapping[str, str]) -> str:
        """Return the secret. Raises ValueError if its file cannot be read.

        A relative file name is searched in ``$CREDENTIALS_DIRECTORY``, which systemd sets, and then in *folder*.
        """
        if self.text:
            return self.text.get_secret_value()
        name = expand_home(self.file)
        credential = Path(environ.get("CREDENTIALS_DIRECTORY") or folder) / name
        try:
            text = read_regular_file(credential if credential.exists() else folder / name).decode().strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ValueError(f"the secret file {name} cannot be read: {reason}") from None
        if not text:
            raise ValueError(f"the secret file {name} is empty")
        return text


def _parse_secret(value: Any) -> SecretText:
    if isinstance(value, str) and value:
        return SecretText(SecretStr(value))
    if isinstance(value, dict) and list(value) == ["file"] and isinstance(value["file"], str) and value["file"]:
        return SecretText(file=value["file"])
    raise ValueError(_SECRET_FORM)


def _check_timeout(value: float) -> float:
    if not 1 <= value <= 300:  # noqa: PLR2004 - seconds, as the message has it
        raise ValueError("should be 1s to 5m")
    return value


Secret = Annotated[InstanceOf[SecretText], BeforeValidator(_parse_secret), WithJsonSchema(_SECRET_SCHEMA)]


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    quiet: Annotated[
        InstanceOf[QuietHours] | None,
        BeforeValidator(parse_quiet),
        WithJsonSchema(QUIET_SCHEMA),
        Field(description="Hours in which messages wait: 22:00-07:00, or {hours: 22:00-07:00, except: error}"),
    ] = None

    def secrets(self) -> Iterator[SecretText]:
        """Yield the texts that must not be shown."""
        for value in dict(self).values():
            if isinstance(value, SecretText):
                yield value
            elif isinstance(value, dict):
                yield from value.values()


class AppriseTarget(_Target):
    """A service that Apprise sends to."""

    model_config = ConfigDict(title="Apprise")

    address: Annotated[Secret, Field(description="An address of Apprise")]


class WebhookTarget(_Target):
    """A URL to which messages are posted."""

    model_config = ConfigDict(title="Webhook")

    webhook: Annotated[Secret, Field(description="The URL to which each message is posted")]
    template: Annotated[
        Word | None,
        Field(description="A Jinja2 file for the body, relative to this file; default: the message as JSON"),
    ] = None
    headers: Annotated[dict[Word, Secret], Field(description="Headers of the request")] = {}


class CommandTarget(_Target):
    """A program that is started for each message."""

    model_config = ConfigDict(title="Command")

    command: Annotated[
        list[Word],
        Field(
            min_length=1,
            description="The program and its arguments, with {title}, {text}, {rule} …; the message is on its input",
        ),
    ]
    timeout: Annotated[
        Duration, AfterValidator(_check_timeout), Field(description="Time after which the program is killed")
    ] = 10.0


Target = AppriseTarget | WebhookTarget | CommandTarget


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """A target with its name, its position in the file, and the folder of relative file names."""

    name: str
    target: Target
    where: str  # file:line:column
    folder: Path

    def reveal(self, secret: SecretText) -> str:
        """Return a secret of the target. Raises ConfigError if its file cannot be read."""
        try:
            return secret.read(self.folder, os.environ)
        except ValueError as error:
            raise ConfigError(Problem(self.where, f"{self.name}: {error}")) from None

    def reveal_all(self) -> list[str]:
        """Return the secrets of the target, to be redacted. Raises ConfigError if a file cannot be read."""
        return [self.reveal(secret) for secret in self.target.secrets()]
