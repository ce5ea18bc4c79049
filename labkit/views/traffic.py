"""Random traffic: when calls arrive, and how long each works."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import accumulate

from labkit_services.contract.errors import InvalidValueError

_MOST_CALLS = 10_000


@dataclass(frozen=True)
class Traffic:
    """Calls that arrive at random times, however many still wait.

    Times between arrivals are exponentially distributed, which makes the
    arrivals a Poisson process, and so is the work. The same seed gives the
    same traffic.

    Attributes:
        rate: Calls per second, on average.
        work: Seconds that a call works, on average.
        seed: Of the random numbers.
        arrivals: Seconds from the run's beginning to each call.
        works: Seconds that each call works.
    """

    rate: float
    work: float
    seed: int
    arrivals: tuple[float, ...] = field(repr=False)
    works: tuple[float, ...] = field(repr=False)

    @classmethod
    def poisson(cls, rate: float, work: float, calls: int, seed: int) -> Traffic:
        """Return traffic of so many calls.

        Raises:
            InvalidValueError: A number is not positive, or too large.
        """
        for name, value in (("rate", rate), ("work", work)):
            if not 0 < value < 1e6:
                raise InvalidValueError(
                    f"the {name} of traffic is out of range", expected="a number above 0", seen=f"{value:g}"
                )
        if not 1 <= calls <= _MOST_CALLS:
            raise InvalidValueError(
                "the number of calls is out of range", expected=f"1 to {_MOST_CALLS}", seen=str(calls)
            )
        rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        gaps = [rng.expovariate(rate) for _ in range(calls)]
        works = [rng.expovariate(1 / work) for _ in range(calls)]
        return cls(rate, work, seed, tuple(accumulate(gaps)), tuple(works))

    def __len__(self) -> int:
        return len(self.arrivals)

    def body(self, number: int) -> str:
        """Return the body of a call: the seconds that it works, as text."""
        return f"{self.works[number]:.4f}"

    def __repr__(self) -> str:
        return (
            f"<Traffic: {len(self)} calls in {self.arrivals[-1]:.1f} s, "
            f"{self.rate:g} a second, {self.work:g} s of work each, on average>"
        )
