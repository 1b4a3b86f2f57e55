"""The settings as the daemon holds them."""

from __future__ import annotations

import pickle
from inspect import getmembers
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.config.parsing import settings
from weatherd.config.plain_settings import DerivedSettings, PlainSecret, PlainSection, collect_secrets
from weatherd.config.settings import Settings, make_plain

SECRET = "s3cr3t-hunter2"
TEXT = f"""
language: de
units: us
warnings: auto
met_norway: {{contact: me@example.org}}
http: {{token: {SECRET}}}
mqtt: {{host: broker, username: me, password: {SECRET}}}
webhook: {{url: https://example.org/{SECRET}}}
"""


def assert_equal_values(plain: Any, model: BaseModel) -> None:
    """Compare a section with its model."""
    assert list(dict(plain)) == list(type(model).model_fields)
    for name, value in model:
        if isinstance(value, BaseModel):
            assert_equal_values(getattr(plain, name), value)
        elif isinstance(value, SecretStr):
            assert getattr(plain, name).get_secret_value() == value.get_secret_value()
        else:
            assert getattr(plain, name) == value


@pytest.mark.parametrize("text", ["", TEXT])
def test_every_setting_has_the_same_value_without_pydantic(text: str) -> None:
    """All keys, sections, secrets and what follows from several settings; also after a transfer between processes."""
    model = settings(text)
    plain = pickle.loads(pickle.dumps(make_plain(model)))  # noqa: S301 - our own
    assert_equal_values(plain, model)
    derived = [name for name, found in getmembers(DerivedSettings) if isinstance(found, property)]
    assert [getattr(plain, name) for name in derived] == [getattr(model, name) for name in derived]
    assert not [name for name, found in vars(Settings).items() if isinstance(found, property)]
    assert collect_secrets(plain) == collect_secrets(model)
    assert plain == make_plain(settings(text)) != make_plain(settings("interval: 7m"))


def test_plain_settings_are_frozen_and_show_no_secret() -> None:
    """Neither settings nor sections can be changed; a copy can have other values."""
    plain = make_plain(settings(TEXT))
    section: Any = plain.mqtt
    assert SECRET not in repr(plain) + str(section.password)
    with pytest.raises(AttributeError, match="'host' cannot be changed"):
        section.host = "other"
    with pytest.raises(AttributeError):
        section.password.text = ""
    copy = plain.model_copy(update={"mqtt": section.model_copy(update={"host": "other"})})
    assert copy.mqtt
    assert (copy.mqtt.host, copy.mqtt.username, section.host) == ("other", "me", "broker")


def test_an_empty_secret_is_false() -> None:
    """As pydantic's is: code that asks whether there is a secret works with both."""
    assert [bool(PlainSecret(text)) for text in ("", "x")] == [bool(SecretStr(text)) for text in ("", "x")]


def test_the_sections_of_plug_ins_stay_their_models() -> None:
    """A plug-in gets the model that it has defined, and its secrets are redacted, too."""

    class Account(BaseModel):
        token: SecretStr

    account = Account(token=SecretStr(SECRET))
    plain = make_plain(settings("").model_copy(update={"plugins": {"hut": account}}))
    assert plain.plugins == {"hut": account}
    assert collect_secrets(plain) == [SECRET]
    assert isinstance(plain.http, PlainSection)
