"""All settings described: the names a person sets them by, their defaults and meanings.

What belongs here: what follows from the fields of the sections, for the docs and for errors.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from inspect import cleandoc
from typing import Final

from pydantic import SecretStr

from sparkify_dagster.settings.sections import Section, Settings
from sparkify_dagster.settings.values import Decides, Expected, Local

CONFIG_NAME: Final = "dwh.cfg"
ENV_PREFIX: Final = "SPARKIFY_"
ENV_CONFIG: Final = f"{ENV_PREFIX}CONFIG"
JOINT: Final = "__"
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class SettingInfo:
    """What there is to say about one setting.

    Attributes:
        default: As one would write it; blank where there is none.
        expected: What a good value looks like.
        secret: Whether its value must never be shown.
        local: Whether it takes a local path, which may be relative.
        decides: What it decides the rows of, see `values.Decides`; blank: of nothing.
    """

    section: str
    key: str
    default: str
    meaning: str
    expected: str
    secret: bool
    local: bool
    decides: str = ""

    @property
    def name(self) -> str:
        """As messages name it: `[S3] ENDINGS`."""
        return f"[{self.section}] {self.key}"

    @property
    def env(self) -> str:
        """Environment variable that overrides the file."""
        return f"{ENV_PREFIX}{self.section}{JOINT}{self.key}"

    @property
    def how_to_set(self) -> str:
        """What to do in order to set it, for messages."""
        return f"set {self.key} in section [{self.section}] of {CONFIG_NAME}, or {self.env}"


def describe_settings() -> tuple[SettingInfo, ...]:
    """Describe every setting, in the order of `dwh.cfg.example`."""
    return tuple(catalogue().values())


@cache
def catalogue() -> dict[tuple[str, str], SettingInfo]:
    """Each setting by section and key, which in lower case are what `Settings` takes it as."""
    models = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        (info.section, info.key): info
        for name, model in models.items()
        if isinstance(model, type) and issubclass(model, Section)
        for info in _described(name.upper(), model)
    }


def _described(section: str, model: type[Section]) -> Iterator[SettingInfo]:
    meanings = dict(_ATTRIBUTE.findall(cleandoc(model.__doc__ or "")))
    for name, field in model.model_fields.items():
        expected = [mark.words for mark in field.metadata if isinstance(mark, Expected)]
        yield SettingInfo(
            section=section,
            key=str(field.validation_alias or name).upper(),
            default=_as_text(field.default),
            meaning=" ".join(meanings.get(name, "").split()),
            expected=expected[-1] if expected else "",
            secret=field.annotation is SecretStr,
            local=Local in field.metadata,
            decides="".join(mark.what for mark in field.metadata if isinstance(mark, Decides)),
        )


def deciding(settings: Settings) -> dict[str, str]:
    """The settings that decide what tables hold, as `[S3] ENDINGS`, each with its value."""
    return {
        info.name: _as_text(getattr(getattr(settings, info.section.lower()), info.key.lower()))
        for info in describe_settings()
        if info.decides
    }


def _as_text(default: object) -> str:
    if default is None or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, date):
        return default.isoformat()
    return f"{default:g}" if isinstance(default, float) else str(default)
