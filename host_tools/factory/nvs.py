"""The NVS of a new board, made by Espressif's generator: the watchdog that its first boot arms."""

from __future__ import annotations

import io
from functools import lru_cache

from esp_idf_nvs_partition_gen import (  # type: ignore[import-untyped]
    nvs_partition_gen as generator,
)

NAMESPACE = "enos_boot"
WATCHDOG_KEY = "wdt_s"


@lru_cache(maxsize=4)
def nvs_image(size_bytes: int, watchdog_s: int) -> bytes:
    """An NVS partition that holds the watchdog's seconds for /boot.py, as the agent keeps them there.

    The agent stores them when it starts; a board whose first start hangs before that has them from here.
    """
    out = io.BytesIO()
    # The generator adds the free page that NVS must have.
    size_bytes -= generator.Page.PAGE_PARAMS["max_size"]
    nvs = generator.nvs_open(out, size_bytes, generator.Page.VERSION2)
    generator.write_entry(nvs, NAMESPACE, "namespace", "", "")
    generator.write_entry(nvs, WATCHDOG_KEY, "data", "binary", b"%d" % watchdog_s)
    generator.nvs_close(nvs)
    return out.getvalue()
