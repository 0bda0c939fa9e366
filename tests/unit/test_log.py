"""The log: one line per event, whatever its text holds."""

from enos_ota import log
from helpers import Case


class TestLog(Case):
    def line(self, text):
        """What is printed behind the time."""
        lines = []
        log.print = lines.append
        try:
            log.log("W", text)
        finally:
            del log.print
        (line,) = lines
        return line[len("00:00:00 ") :]

    def test_control_characters_are_printed_as_question_marks(self):
        # Text of others, such as a version, must not move the cursor of the console.
        for char in ("\r", "\x1b", "\x00", "\x08", "\x7f", "\x9b", "ü"):
            self.assertEqual(self.line("a%sb%sc" % (char, char)), "W enos: a?b?c")

    def test_line_feed_starts_no_line(self):
        self.assertEqual(self.line("a\nb"), "W enos: a b")

    def test_printable_text_is_printed_as_it_is(self):
        text = "".join([chr(c) for c in range(0x20, 0x7F)])
        self.assertEqual(self.line(text), "W enos: " + text)
