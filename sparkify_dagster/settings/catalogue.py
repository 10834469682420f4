"""All settings described: the names a person sets them by, their defaults and meanings.

What belongs here: what follows from the fields of the sections, for the docs and for errors.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from sparkify_dagster.settings.sections import Section, Settings
from sparkify_dagster.settings.values import Expected, Local

CONFIG_NAME: Final = "dwh.cfg"
ENV_PREFIX: Final = "SPARKIFY_"
ENV_CONFIG: Final = f"{ENV_PREFIX}CONFIG"
JOINT: Final = "__"


@dataclass(frozen=True)
class SettingInfo:
    """What there is to say about one setting.

    Attributes:
        section: Section of `dwh.cfg`, without brackets.
        key: Key in that section.
        default: The default, as one would write it; blank where there is none.
        meaning: What it is for, in a sentence.
        expected: What a good value looks like.
        secret: Whether its value must never be shown.
        local: Whether it takes a local path, which may be relative.
    """

    section: str
    key: str
    default: str
    meaning: str
    expected: str
    secret: bool
    local: bool

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
    described = (
        _described(section.upper(), str(field.validation_alias or name).upper(), field)
        for section, held in Settings.model_fields.items()
        if isinstance(held.annotation, type) and issubclass(held.annotation, Section)
        for name, field in held.annotation.model_fields.items()
    )
    return {(info.section, info.key): info for info in described}


def _described(section: str, key: str, field: FieldInfo) -> SettingInfo:
    expected = [mark.words for mark in field.metadata if isinstance(mark, Expected)]
    return SettingInfo(
        section=section,
        key=key,
        default=_as_text(field.default),
        meaning=field.description or "",
        expected=expected[-1] if expected else "",
        secret=field.annotation is SecretStr,
        local=Local in field.metadata,
    )


def _as_text(default: object) -> str:
    if default is None or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, date):
        return default.isoformat()
    return f"{default:g}" if isinstance(default, float) else str(default)
