"""A router in this process lives for as long as anybody has a way through it."""

from __future__ import annotations

import gc

from factory_assets.instance import Instance
from factory_assets.settings import Settings


def test_a_way_outlives_the_instance_that_opened_it(replay_settings: Settings) -> None:
    access = Instance(replay_settings).router.access.to("api")
    gc.collect()
    assert access.answers()
