"""What went wrong, by its remedy.

MareaError
├── BadInput       what was given can't be used: mend it            exit 3
│   ├── BadMessage          one of ours (marea.messages.errors): to the dead letters
│   ├── UnreadableMessage   what a venue sent (marea.venues.port): to the dead letters
│   └── BadTape             a recorded tape (marea.venues.tape)
├── Unavailable    something outside is away: try again             exit 4
├── Refused        not done, for safety: a person decides           exit 5
├── Broken         an invariant does not hold: a bug, stop          exit 70
└── Interrupted    a person stopped it: go on later                 exit 130
"""

from typing import ClassVar


class MareaError(Exception):
    """What a command ends with when it can't go on: its text is for the person who ran it."""

    exit_code: ClassVar[int] = 70


class BadInput(MareaError):
    """What was given can't be used: a file, a setting, an argument."""

    exit_code = 3


class Unavailable(MareaError):
    """Something outside is away, and what it did with the request is unknown."""

    exit_code = 4


class Refused(MareaError):
    """Not done, for safety."""

    exit_code = 5


class Broken(MareaError):
    """An invariant does not hold; whoever raises it has stopped."""

    exit_code = 70


class Interrupted(MareaError):
    """A person stopped it; what was done until then is kept."""

    exit_code = 130
