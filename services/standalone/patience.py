"""When is a service that ended started again, and when is it left alone?

What dies often is started less often, but soon: while it is away, positions have nobody. Bad settings,
what was refused and a bug that comes back at once would end it the same way the next time: then a person
is needed. Whatever else ended it may be otherwise by then.
"""

from dataclasses import dataclass

from marea.errors import BadInput, Broken, Refused

AGAIN_S_MIN, AGAIN_S_MAX = 0.2, 2.0
SOON_S = 10.0
"""What lived longer begins with all the patience there is."""
BUGS_MAX = 3
"""So many bugs in a row are borne."""
LEFT_ALONE = (0, BadInput.exit_code, Refused.exit_code)


@dataclass(slots=True)
class Patience:
    """With one service."""

    ends_in_a_row: int = 0
    bugs_in_a_row: int = 0

    def again_in_s(self, exit_code: int, lived_s: float) -> float | None:
        """After how long one that ended so is started again; None: it is left alone."""
        if lived_s > SOON_S:
            self.ends_in_a_row = self.bugs_in_a_row = 0
        self.ends_in_a_row += 1
        self.bugs_in_a_row += exit_code == Broken.exit_code
        if exit_code in LEFT_ALONE or self.bugs_in_a_row > BUGS_MAX:
            return None
        return min(AGAIN_S_MAX, AGAIN_S_MIN * 2.0 ** (self.ends_in_a_row - 1))
