from __future__ import annotations

import importlib
import inspect
import pkgutil

from agentcore_emulator import testing


def test_all_that_its_modules_offer_is_exported_in_order_and_documented() -> None:
    offered = []
    for module in pkgutil.iter_modules(testing.__path__):
        offered += importlib.import_module(f"{testing.__name__}.{module.name}").__all__
    assert testing.__all__ == sorted(offered, key=lambda name: (name[0].islower(), name))
    for name in testing.__all__:
        assert inspect.getdoc(getattr(testing, name)), name
