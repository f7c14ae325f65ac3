"""The config file: one INI file, read into frozen values; every problem in it is reported at once."""

from tikisync.config.reading import URL_VARIABLE, load, read
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
from tikisync.config.values import web_address

__all__ = [
    "URL_VARIABLE",
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
    "read",
    "recipes_of",
    "web_address",
]
