"""How sure a figure is: intervals of one run, and tests of the difference between two.

All are deterministic: what is drawn at random is drawn from a fixed seed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

DRAWS = 10_000
_SEED = 2007
_Z95 = 1.959964


def wilson_interval(successes: float, total: int) -> tuple[float, float]:
    """Give the 95 % score interval of a share.

    Source: Wilson, Journal of the American Statistical Association 22, 1927.
    """
    share, square = successes / total, _Z95**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z95 / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Give the 95 % percentile interval of a mean, from `DRAWS` resamples.

    Source: Efron, Annals of Statistics 7, 1979. Equal values are drawn together, as a multinomial: the same
    distribution, at a cost that does not grow with their number.
    """
    counts = dict(sorted(Counter(values).items()))
    kinds = np.array(list(counts), dtype=float)
    shares = np.array(list(counts.values()), dtype=float) / len(values)
    drawn = np.random.default_rng(_SEED).multinomial(len(values), shares, size=DRAWS)
    low, high = np.percentile(drawn @ kinds / len(values), (2.5, 97.5))
    return float(low), float(high)


def compare_shares(gained: int, lost: int) -> float:
    """Give the two-sided p of a change in a share, from the questions that changed sides.

    Source: the exact form of McNemar's test, which is the sign test on the discordant pairs (McNemar,
    Psychometrika 12, 1947).
    """
    changed = gained + lost
    # As a fraction: from about a thousand on the binomials are larger than any float.
    tail = sum(math.comb(changed, count) for count in range(min(gained, lost) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**changed)))


def compare_means(differences: Sequence[float]) -> float:
    """Give the two-sided p of a mean difference: how often one as large comes of signs thrown at random.

    Source: Fisher's randomisation test, `DRAWS` draws, as recommended for retrieval by Smucker, Allan, Carterette,
    CIKM 2007. The throw that was observed counts as one, so p is never 0.
    """
    counts = dict(sorted(Counter(abs(difference) for difference in differences if difference).items()))
    if not counts:
        return 1.0
    sizes = np.array(list(counts), dtype=float)
    numbers = np.array(list(counts.values()))
    heads = np.random.default_rng(_SEED).binomial(numbers, 0.5, size=(DRAWS, len(counts)))
    thrown = np.abs((2 * heads - numbers) @ sizes)
    # Sums of the same terms in another order may differ in the last digits.
    as_large = int((thrown >= abs(sum(differences)) - 1e-9).sum())
    return (as_large + 1) / (DRAWS + 1)
