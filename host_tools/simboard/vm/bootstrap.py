# First code of a boot, in place of the C start-up of the chip: argv[1] is the descriptor of a
# pipe with the configuration, argv[2] the folder of umqtt. Its globals become those of boot.py and
# main.py.
import json
import sys

sys.path[:] = [sys.path[0], sys.path[0] + "/..", sys.argv[2], ".frozen"]
import vm_start

vm_start.run(json.load(open("/dev/fd/" + sys.argv[1])), globals())
