"""The headers of later segments, while they pass: a file that goes wrong is not fetched to its end."""

import images
from contents import SECTOR, LongFile
from enos_ota.errors import VerifyError
from lossy import Server
from upgrading import OnChip

# Of the second segment's header: amid a sector, at its end, across its end, at the next one's start.
PLACES = (544, 4088, 4092, 4096)


def release(place, told=3000, size=3000):
    """More than two sectors, with the second segment's header at `place`; `told` is the length in it."""
    return LongFile((place - 32, size, SECTOR), {1: told})


def when_in_flash(place):
    """Bytes fetched when the whole header at `place` is in flash, sectors being written when they are full."""
    return (place + 8 + SECTOR - 1) & -SECTOR


class TestWalk(OnChip):
    def fetched(self, file, size=None):
        """Bytes that were fetched of a file which is then refused."""
        file.size = size or file.size
        server = Server(file)
        self.fails(VerifyError, file, server)
        self.assertEqual(server.opened, [0])
        return server.received

    def test_segments_wherever_their_headers_lie_are_walked(self):
        for place in PLACES:
            self.power_up()
            self.succeeds(release(place))

    def test_segment_that_leads_beyond_the_file_ends_the_download_with_its_header(self):
        for place in PLACES:
            rest = release(place).size // 4 * 4 - place - 8
            for told in (rest, rest + 4, 0x100000, 0x7FFFFFFC, 0xFFFFFFFC):
                file = release(place, told)
                self.assertEqual(self.fetched(file), when_in_flash(place), (place, told))
                self.assertTrue(file.size > when_in_flash(place))

    def test_segment_that_leaves_a_byte_of_the_file_is_fetched(self):
        file = release(544)
        file = release(544, file.size - 552 - 4)
        self.assertEqual(self.fetched(file), file.size)

    def test_segment_of_no_whole_words_ends_the_download_with_its_header(self):
        for place in PLACES:
            for told in (2999, 3001, 3002):
                self.assertEqual(self.fetched(release(place, told)), when_in_flash(place))

    def test_last_segments_header_is_checked_like_the_second_ones(self):
        sizes = (512, 16, 0, 2000, 16, SECTOR)
        self.succeeds(LongFile(sizes))
        self.power_up()
        self.assertEqual(self.fetched(LongFile(sizes, {5: 0x100000})), SECTOR)

    def test_data_is_not_taken_for_a_header(self):
        # The word that all data is made of would lead far beyond the file.
        self.succeeds(LongFile((512, 2 * SECTOR)))

    def test_header_that_came_in_two_connections_is_checked_once_it_is_whole(self):
        for cut in (4093, 4096, 4099):
            file = release(4092, 0x100000)
            server = Server(file)
            server.cuts = [cut]
            self.fails(VerifyError, file, server)
            # What came in two pieces may not fit together: once more, then it is the file.
            self.assertEqual(server.opened, [0, cut, file.size - 2 * SECTOR, 0])
            self.assertEqual(server.received, 3 * 2 * SECTOR)

    def test_file_that_ends_before_its_last_segment_does_is_refused(self):
        for size in (5000, 7000):
            self.assertEqual(self.fetched(release(544, 7000, 7000), size), SECTOR)

    def test_file_that_ends_before_a_segment_begins_is_refused(self):
        for size in (3552, 3552 + 4, 4000):
            self.assertEqual(self.fetched(release(544), size), size)

    def test_file_that_ends_in_padding_or_hash_of_its_image_is_refused(self):
        whole = release(4092).size
        for missing in (1, 31, 32, 33):
            file = release(4092)
            self.assertEqual(self.fetched(file, whole - missing), whole - missing)

    def test_file_whose_images_hash_lies_in_the_slot_already_is_refused(self):
        # Cut before it was uploaded, the file has the digest that is commanded, and what an older
        # release left in the slot could pass for its rest.
        file = LongFile((65536 - 32 - 4,))
        images.put("ota_1", file.hash, 65536)
        self.assertEqual(self.fetched(file, 65536), 65536)
