"""The end of a file, judged before anything is erased: what its record and its signature say."""

import esp32
import images
from contents import SECTOR
from enos_ota import tail
from enos_ota.errors import LinkError, RefusedError, UpgradeError, VerifyError
from helpers import Case, run
from release import Plain, Release
from signed import KEY, block

BUF = bytearray(SECTOR)
RUNNING = images.image()


class Job:
    """What is looked at of an `Upgrade`, of its agent and its settings."""

    signature = "required"
    keys = (KEY,)
    revoked = ()
    downgrade = False
    version = "2.0"

    def __init__(self) -> None:
        self.agent = self.config = self.firmware = self
        self.buf = BUF


class Body:
    """Delivers the last bytes of a file in pieces; `count` of them."""

    def __init__(self, file, count=2 * SECTOR, piece=1000) -> None:
        self._file = file
        self._at = file.size - 2 * SECTOR
        self._piece = piece
        self.left_bytes = count

    async def receive(self, buf):
        count = min(len(buf), self._piece, self.left_bytes)
        for i in range(count):
            buf[i] = self._file.byte(self._at + i)
        self._at += count
        self.left_bytes -= count
        return count

    def close(self) -> None:
        assert not self.left_bytes, "before it was read"
        self.is_closed = True


class Judged(Case):
    """ota_0 runs a release with sequence 7, whose min_sequence is 5, for the product pump."""

    def setUp(self) -> None:
        super().setUp()
        self.chip = esp32.power_up()
        images.put("ota_0", RUNNING)
        images.put("ota_0", images.record_bytes(RUNNING, "1.0"), SECTOR)
        self.chip.on = self.saw
        self.job = Job()

    def saw(self, operation, label, offset, size) -> None:
        self.assertEqual((operation, label), ("read", "ota_0"))

    def judge(self, file, **body) -> None:
        run(tail.judge(self.job, Body(file, **body)))

    def refused(self, kind, file, **body):
        return str(self.raised(kind, lambda: self.judge(file, **body)))


class TestSigned(Judged):
    def test_tail_of_a_signed_release_is_accepted_in_pieces_of_any_size(self):
        file = Release()
        for piece in (1, 1000, SECTOR, 3 * SECTOR):
            self.judge(file, piece=piece)

    def test_tail_without_a_signature_is_refused_where_it_is_required(self):
        for file in (Release(signed=False), File()):
            self.assertEqual(self.refused(VerifyError, file), "not signed")
        self.job.signature = "if_present"
        self.judge(Release(signed=False))

    def test_signature_that_does_not_count_is_refused(self):
        file = Release()
        file.block[900] ^= 1
        for self.job.signature in ("required", "if_present"):
            self.assertEqual(self.refused(VerifyError, file), "the signature block is damaged")
        file.sign()
        self.job.revoked = (KEY,)
        self.assertIn("revoked", self.refused(VerifyError, file))
        self.job.keys, self.job.revoked = (), ()
        self.assertIn("not trusted", self.refused(VerifyError, file))
        file.block = block(bytes(32), 1)
        self.job.keys = (KEY,)
        self.assertEqual(self.refused(VerifyError, file), "the signature is wrong")
        self.job.signature = "off"
        self.judge(file)

    def test_signature_counts_before_what_the_record_says(self):
        self.assertEqual(self.refused(VerifyError, Release("3.0", signed=False)), "not signed")


class TestRecord(Judged):
    """Of a signed file it is in the last sector but one, of another in the last."""

    def each(self, kind, text, version="2.0", **fields) -> None:
        for signed, self.job.signature in ((True, "required"), (False, "off"), (True, "off")):
            file = Release(version, signed=signed, **fields)
            if kind:
                self.assertEqual(self.refused(kind, file), text, signed)
            else:
                self.judge(file)

    def test_release_that_may_follow_is_accepted(self):
        self.each(None, "")
        for size in (241, 300, 1023):
            self.each(None, "", size=size)

    def test_release_of_another_kind_is_refused_with_its_step(self):
        self.each(VerifyError, "the file holds version 3.0", "3.0")
        self.each(UpgradeError, "a release for chip id 9", chip_id=9)
        self.each(UpgradeError, "for product valve, not pump", product=b"valve")
        self.each(RefusedError, "needs stub ABI 2: deploy by USB", stub_abi=2)

    def test_older_release_is_refused(self):
        self.each(RefusedError, "sequence 6 is older than 7", sequence=6)
        self.each(RefusedError, "sequence 4 is below the least, 5", sequence=4)
        self.job.downgrade = True
        self.each(None, "", sequence=6)
        self.each(RefusedError, "sequence 4 is below the least, 5", sequence=4)

    def test_damaged_record_is_refused(self):
        for signed, self.job.signature in ((True, "required"), (False, "off")):
            for at in (4, 6, 11, 12, 200, 239):
                file = Release(signed=False)
                file.records[1][at] ^= 1
                if signed:
                    file.size += SECTOR
                    file.sign()
                text = self.refused(VerifyError, file)
                self.assertEqual(text, "the release record is damaged", (signed, at))

    def test_file_without_a_record_is_judged_by_its_signature_alone(self):
        # It may be anything: its first bytes tell better what it is, and the verification that it is old.
        self.judge(Plain())
        self.assertEqual(self.refused(VerifyError, File()), "not signed")
        self.job.signature = "off"
        self.judge(File())
        self.job.version = "3.0"
        self.judge(File())


class File:
    """The end of a plain image."""

    size = 5 * SECTOR

    def byte(self, at):
        return at & 0x7F


class TestBody(Judged):
    def test_answer_that_ends_early_is_a_link_error(self):
        file = Release()
        for count in (0, 1, SECTOR, 2 * SECTOR - 1):
            text = self.refused(LinkError, file, count=count)
            self.assertEqual(text, "the answer ended early")

    def test_modules_that_judged_are_forgotten_by_who_calls(self):
        # Beside the connection there is room for one of them at a time.
        import sys

        seen = []

        def saw(*act):
            seen.append("enos_ota.signature" in sys.modules)

        self.chip.on = saw
        self.judge(Release())
        self.assertEqual(set(seen), {False})
