"""An autonomous software factory: papers become specs, specs become repos, repos are published."""
