# For a firmware of your own with the agent frozen in: it takes no file system and less RAM.
#   make -C micropython/ports/esp32 BOARD=ESP32_GENERIC FROZEN_MANIFEST=/path/to/device/manifest.py
# A frozen boot.py and main.py are the ones that run, whatever lies in /. Freeze your application likewise,
# in a manifest of yours that includes this one: package("my_app"), module("enos_main.py").
include("$(PORT_DIR)/boards/manifest.py")
package("enos_ota", opt=3)
module("boot.py", base_path="../boot")
module("main.py", base_path="../boot")
