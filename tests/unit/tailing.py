"""What the tests of the tail share: a release on a server."""

from contents import SECTOR
from release import Release
from serving import Serving, Transport

SIZE = 6 * SECTOR
TAIL = "%d-%d" % (SIZE - 2 * SECTOR, SIZE - 1)


class WithRelease(Serving):
    def setUp(self) -> None:
        super().setUp()
        self.file = Release()
        Transport.reset(self.file)

    def begin(self) -> None:
        """Another board, and a server without faults."""
        self.power_up()
        Transport.reset(self.file)
