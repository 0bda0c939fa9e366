"""What the tests of the last word share: an agent that owes one."""

from fakeagent import WithAgent

FETCH, REPORT = 1, 4


class Owing(WithAgent):
    def owed(self, tries=0):
        """An agent that starts with a word owed."""
        from enos_ota import journal

        journal.save(state=REPORT, step=-3, desc="2.0: digest", tries=tries)
        return self.make()
