"""What one instance is made of, by composition: every stage, and what the stages share, joined to its settings.

`Instance` is the way in; each module here holds one of its parts, or two that belong together. A part is told in its
constructor what it works with. Parts only join: what a stage decides stands in the stage's own package.
"""

from factory_assets.instance.instance import Instance

__all__ = ["Instance"]
