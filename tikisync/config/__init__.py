"""The config file: one INI file, read into frozen values; every problem in it is reported at once."""

from tikisync.config.reading import load
from tikisync.config.settings import (
    Config,
    DashboardSettings,
    DoorSettings,
    HandlerSettings,
    InboxSettings,
    LogSettings,
    ServerSettings,
    TikiSettings,
    WorkerSettings,
    recipes_of,
)

__all__ = [
    "Config",
    "DashboardSettings",
    "DoorSettings",
    "HandlerSettings",
    "InboxSettings",
    "LogSettings",
    "ServerSettings",
    "TikiSettings",
    "WorkerSettings",
    "load",
    "recipes_of",
]
