"""Over-the-air upgrades from EnOS: import `Agent` from `enos_ota.agent`."""

import gc
import sys

_WAITING = "agent application board errors log messages session transport"


def forget() -> None:
    """Drop the modules that only a boot, a connect or an upgrade needs: their memory is the application's.

    What a running function has imported stays with it until it returns.
    """
    package = sys.modules["enos_ota"]
    for name in list(sys.modules):
        if name.startswith("enos_ota.") and name[9:] not in _WAITING:
            del sys.modules[name]
            delattr(package, name[9:])
    gc.collect()
