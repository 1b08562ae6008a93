"""A router in this process lives for as long as anybody has a way through it."""

from __future__ import annotations

import gc

from factory_assets.gateways import Gateways
from factory_assets.settings import Settings


def test_a_way_outlives_the_gateways_that_opened_it(replay_settings: Settings) -> None:
    access = Gateways(replay_settings)._access.to("api")
    gc.collect()
    assert access.answers()
