"""Search order of `import` for what the shims supply.

A file on the path before ".frozen" replaces a frozen module, one anywhere on the path a built-in
that is extensible; the others cannot be replaced. So it is on the chip.
"""

import builtins
import os
import sys

FROZEN = ("flashbdev", "ntptime", "umqtt")
EXTENSIBLE = ("errno", "machine", "network", "os", "socket", "time", "vfs")


def install():
    """Decide at the first import of each of these names, as device code has set the path by then."""
    undecided = set(FROZEN + EXTENSIBLE)
    builtin = builtins.__import__
    modules = sys.modules

    def search(name, *arguments):
        root = name.split(".")[0]
        if root in undecided:
            undecided.remove(root)
            if _on_path(root):
                for known in list(modules):
                    if known == root or known.startswith(root + "."):
                        del modules[known]
        return builtin(name, *arguments)

    builtins.__import__ = search


def _on_path(root):
    for folder in sys.path:
        if folder == ".frozen":
            if root in FROZEN:
                return False
            continue
        base = folder + "/" + root if folder else root
        for name in (base, base + ".py", base + ".mpy"):
            try:
                os.stat(name)
                return True
            except OSError:
                pass
    return False
