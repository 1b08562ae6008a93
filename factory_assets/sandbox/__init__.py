"""Running untrusted programs: contained by bubblewrap where it works, supervised where it does not."""

from factory_assets.sandbox.base import TIMED_OUT_EXIT_CODE, Confines, Program, Sandbox
from factory_assets.sandbox.bubblewrap import BubblewrapSandbox
from factory_assets.sandbox.egress import EgressRules
from factory_assets.sandbox.find import find_sandbox
from factory_assets.sandbox.launch import Launch, write_launch
from factory_assets.sandbox.limits import ResourceLimits
from factory_assets.sandbox.plain import PlainSandbox
from factory_assets.sandbox.toolchains import default_toolchains

__all__ = [
    "TIMED_OUT_EXIT_CODE",
    "BubblewrapSandbox",
    "Confines",
    "EgressRules",
    "Launch",
    "PlainSandbox",
    "Program",
    "ResourceLimits",
    "Sandbox",
    "default_toolchains",
    "find_sandbox",
    "write_launch",
]
