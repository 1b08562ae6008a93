"""Every setting of the factory: typed, with its default, read from the environment and `.env`.

What a setting is, is said once, at its field; docs/settings.md and `.env.example` are written from there
(`make settings-docs`).
"""

from factory_assets.settings.instance import REGISTRY_FILE, Mode
from factory_assets.settings.kinds import PROJECT_ROOT
from factory_assets.settings.loading import (
    check_env_file,
    chosen_home,
    instance_home,
    is_pinned,
    load_settings,
    pinned_environment,
)
from factory_assets.settings.model import Settings

__all__ = [
    "PROJECT_ROOT",
    "REGISTRY_FILE",
    "Mode",
    "Settings",
    "check_env_file",
    "chosen_home",
    "instance_home",
    "is_pinned",
    "load_settings",
    "pinned_environment",
]
