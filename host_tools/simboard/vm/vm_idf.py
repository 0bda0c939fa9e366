"""The IDF heap: one large region that Wi-Fi, TLS, sockets, threads and the growing Python heap share.

All numbers in bytes. "Seen" means: on unmodified firmware of a chip without PSRAM.
"""

import _thread
from collections import namedtuple

Firmware = namedtuple("Firmware", ("total_bytes", "free_bytes", "growth_bytes", "gives_back"))

FIRMWARE = {
    # Seen: 112,968 free after boot; 94.5 to 95.7 KB with Wi-Fi up, 35.1 once the Python heap has grown;
    # given back when the grown part is empty.
    "1.26.1": Firmware(113_840, 112_968, 60_500, True),
    # Seen: 99 KB with Wi-Fi up, 42 once grown; not given back in the one try.
    "1.23.0": Firmware(117_176, 116_304, 57_000, False),
}
# Seen on 1.26.1, (total, free, largest): what comes first takes from these first, and Wi-Fi all that they have.
SMALL = ((86_456, 11_760, 11_264), (15_072, 14_656, 14_336))
LITTLE_BYTES = 20_000  # a growth of the Python heap that is less was made to be
WIFI_BYTES = 17_304  # of the large region, seen on 1.26.1: 112,968 before, 95,664 after
SOCKET_BYTES = 1_000  # assumed: control block and mailboxes of lwIP
TLS_BYTES = 25_136  # seen on 1.26.1: 26,136 together with the socket
TLS_NEED_BYTES = 25_900  # assumed from it: below, wrap_socket fails
TLS_NEED_BLOCK_BYTES = 17_000  # Mbed TLS's 16 KiB input buffer in one piece
HANDSHAKE_BYTES = 6_200  # seen on 1.26.1: 9.0 KB free fell to 2.8 and went well; with 2.1 it failed
HANDSHAKE_PEAK_BYTES = 8_000  # seen on 1.26.1: 68.3 KB free, lowest 60.3
BUFFERS_BYTES = 12_000  # 9.0 KB: stands still (seen on 1.26.1); 16.7: goes on (on 1.23.0)
STACK_BYTES = 5 * 1024  # default of _thread
# What is free but not in the largest block, by number of TLS sessions; seen on 1.26.1.
SCATTERED = (1_456, 3_992, 2_808, 2_100)
SCATTERED_GROWN = (364, 3_100)
AFTER_SOFT_RESET_BYTES = 65_536  # seen on 1.26.1: largest block after a soft reset with Wi-Fi up


class IdfHeap:
    """What is taken, by whom.

    Attributes: starved (too little is left for the buffers of Wi-Fi); threads (how many run besides the first).
    """

    def __init__(self, core):
        self.firmware = FIRMWARE[core.board["idf"]]
        self.starved = False
        self.threads = 0
        self._core = core
        self._tls = self._sockets = 0
        # Of each part of the Python heap. What is kept of a growth may not be new: it would lie in that part.
        self._grown_bytes = [0, 0]
        self._grown_in = [0, 0]  # region
        self._lock = _thread.allocate_lock()  # threads of the unix port run at once
        self._stacks = []  # (bytes, region): of SMALL, or the large one behind them
        self._taken = [0, 0, 0]  # by stacks and the growing Python heap
        self._lowest = self.firmware.free_bytes
        self._soft = core.config["cause"] == 5 and "sta" in core.volatile

    def free(self):
        """Free bytes of the large region."""
        taken = self._tls * TLS_BYTES + self._sockets * SOCKET_BYTES
        taken += self._taken[2]
        if self._core.volatile.get("sta"):
            # What others have of the small regions, Wi-Fi has of the large one.
            taken += WIFI_BYTES + self._taken[0] + self._taken[1]
        return max(self.firmware.free_bytes - taken, 0)

    def largest(self):
        """The largest free block of the large region."""
        scattered = SCATTERED_GROWN if self.has_doubled() else SCATTERED
        largest = self.free() - scattered[min(self._tls, len(scattered) - 1)]
        return max(min(largest, AFTER_SOFT_RESET_BYTES) if self._soft else largest, 0)

    def has_doubled(self):
        """Whether the Python heap has taken as much as it takes by itself."""
        return self._grown_bytes[0] > LITTLE_BYTES or self._grown_bytes[1] > LITTLE_BYTES

    def _largest_of(self, region):
        if region == len(SMALL):
            return self.largest()
        if self._core.volatile.get("sta"):
            return 0
        return max(SMALL[region][2] - self._taken[region], 0)

    def room(self):
        """The largest free block of all: what a growth of the Python heap takes at most."""
        return max(self._largest_of(0), self._largest_of(1), self.largest())

    def _take(self, size_bytes):
        """Take a block of the first region that has it; its number, or -1."""
        for region in range(3):
            if size_bytes <= self._largest_of(region):
                self._taken[region] += size_bytes
                return region
        return -1

    def info(self):
        """What `esp32.idf_heap_info` shows of the data regions."""
        self.changed()
        regions = []
        for region in range(2):
            total, free, _ = SMALL[region]
            largest = self._largest_of(region)
            left = min(free - self._taken[region], largest + 400)
            regions.append((total, left, largest, 0))
        return [(self.firmware.total_bytes, self.free(), self.largest(), self._lowest)] + regions

    def changed(self, peak_bytes=0):
        """Something was taken or given; `peak_bytes` more for a moment."""
        free = self.free()
        self._lowest = max(min(self._lowest, free - peak_bytes), 0)
        self.starved = free < BUFFERS_BYTES
        if self._core.heap:
            self._core.heap.limit(self.room())

    def socket(self, number):
        """One socket more, or less."""
        self._sockets += number
        self.changed()

    def tls(self, number):
        """One TLS session more, or less."""
        self._tls += number
        self.changed()

    def fits_tls(self):
        """Whether `wrap_socket` finds the memory of a session."""
        return self.free() >= TLS_NEED_BYTES and self.largest() >= TLS_NEED_BLOCK_BYTES

    def fits_handshake(self):
        """Whether the handshake of a session that was made finds what it needs for a while."""
        fits = self.free() >= HANDSHAKE_BYTES
        self.changed(HANDSHAKE_PEAK_BYTES)
        return fits

    def stack(self, size_bytes):
        """A thread's stack; a negative size gives it back. False if there is no room."""
        with self._lock:
            if size_bytes > 0:
                region = self._take(size_bytes)
                if region < 0:
                    return False
                self._stacks.append((size_bytes, region))
            else:
                number = [size for size, _ in self._stacks].index(-size_bytes)
                self._taken[self._stacks.pop(number)[1]] += size_bytes
            self.threads = len(self._stacks)
            self.changed()
        return True

    def grow(self, part):
        """The Python heap has grown: by as much as it has, at most the largest block."""
        size_bytes = min(self.firmware.growth_bytes, self.room())
        self._grown_in[part] = self._take(size_bytes)
        self._grown_bytes[part] = size_bytes
        self.changed()

    def shrink(self, part):
        """A grown part of the Python heap is given back."""
        self._taken[self._grown_in[part]] -= self._grown_bytes[part]
        self._grown_bytes[part] = 0
        self.changed()

    def tell(self, grown):
        """Tell the supervisor."""
        self._core.send("heap %d %d" % (grown, self.free()))
