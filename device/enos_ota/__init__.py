"""Over-the-air upgrades from EnOS: import `Agent` from `enos_ota.agent`."""

import gc
import sys

_WAITING = "agent application board errors log messages session transport"


def forget(ended: str = "") -> None:
    """Drop the modules that only a boot, a connect or an upgrade needs: their memory is the application's.

    What a running function has imported stays with it until it returns. Those named in `ended`, of which no
    function runs any more, are emptied: a stale word on the stack looks like a reference to a function, and
    would keep all that its module holds.
    """
    package = sys.modules["enos_ota"]
    for name in list(sys.modules):
        if name.startswith("enos_ota.") and name[9:] not in _WAITING:
            if name[9:] in ended.split():
                sys.modules[name].__dict__.clear()
            del sys.modules[name]
            delattr(package, name[9:])
    gc.collect()
