"""Two runs of one question set: what changed in the figures, and which questions got better or worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from chatbot.outcomes import GOOD, MEASURES, Dump, Outcome, Verdict, measure
from chatbot.significance import compare_means, compare_shares

Direction = Literal["better", "worse", "mixed"]
DIRECTIONS: tuple[Direction, ...] = ("better", "worse", "mixed")
_UNTESTED = ("failed", "prompt_tokens_mean", "retrieval_ms_p50", "retrieval_ms_p95")


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure before and after, over the questions that both runs asked.

    `gained` and `lost` count the questions whose part in it rose and fell; `p` is the two-sided probability of a
    change as large where nothing changed, None where no test applies.
    """

    before: float | None
    after: float | None
    difference: float | None
    gained: int | None = None
    lost: int | None = None
    p: float | None = None
    test: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question that is judged otherwise than before; pairs are (before, after)."""

    id: str
    question: str
    direction: Direction
    rank: tuple[int | None, int | None]
    verdict: tuple[Verdict, Verdict]
    holds_answer: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run is beside an earlier one.

    `shared` counts the questions of both, `only_here` and `only_before` those of one, `reworded` those whose text
    is another today.
    """

    baseline: str
    shared: int
    only_here: int
    only_before: int
    reworded: int
    figures: dict[str, FigureChange]
    changes: tuple[QuestionChange, ...]
    before: tuple[Outcome, ...]

    def list_changes(self, direction: Direction) -> list[QuestionChange]:
        """Give the questions that changed this way, in the set's order."""
        return [change for change in self.changes if change.direction == direction]

    def as_dict(self) -> dict[str, Any]:
        """Give the `baseline` of the JSON document."""
        return {
            "file": self.baseline,
            "questions": self.shared,
            "only_here": self.only_here,
            "only_in_baseline": self.only_before,
            "reworded": self.reworded,
            "figures": {name: asdict(change) for name, change in self.figures.items()},
            **{name: [asdict(change) for change in self.list_changes(name)] for name in DIRECTIONS},
        }


def compare(outcomes: Sequence[Outcome], dump: Dump, baseline: str) -> Comparison:
    """Compare a run with an earlier one, over the questions that both asked.

    Args:
        baseline: the name under which the earlier run is shown.
    """
    earlier = {outcome.question.id: outcome for outcome in dump.outcomes}
    pairs = [(earlier[o.question.id], o) for o in outcomes if o.question.id in earlier]
    before, after = tuple(old for old, _ in pairs), tuple(new for _, new in pairs)
    return Comparison(
        baseline=baseline,
        shared=len(pairs),
        only_here=len(outcomes) - len(pairs),
        only_before=dump.unknown + len(dump.outcomes) - len(pairs),
        reworded=dump.reworded,
        figures=_compare_figures(before, after),
        changes=tuple(filter(None, (_compare_question(old, new) for old, new in pairs))),
        before=before,
    )


def _compare_figures(before: Sequence[Outcome], after: Sequence[Outcome]) -> dict[str, FigureChange]:
    old, new = measure(before), measure(after)
    for figures in (old, new):
        # Not nought but unknown: the rows of another program, or of refusals alone.
        figures["prompt_tokens_mean"] = figures["prompt_tokens_mean"] or None
    names = [
        name for name in (*MEASURES, *_UNTESTED) if old.get(name) is not None or new.get(name) is not None
    ]
    return {name: _compare_figure(name, old.get(name), new.get(name), before, after) for name in names}


def _compare_figure(
    name: str,
    old: float | None,
    new: float | None,
    before: Sequence[Outcome],
    after: Sequence[Outcome],
) -> FigureChange:
    difference = None if old is None or new is None else round(new - old, 3)
    if name not in MEASURES:
        return FigureChange(old, new, difference)
    parts = [(MEASURES[name](one), MEASURES[name](other)) for one, other in zip(before, after, strict=True)]
    differences = [after - before for before, after in parts if before is not None and after is not None]
    gained, lost = sum(item > 0 for item in differences), sum(item < 0 for item in differences)
    is_share = name != "mrr@10"
    return FigureChange(
        old,
        new,
        difference,
        gained=gained,
        lost=lost,
        p=round(compare_shares(gained, lost) if is_share else compare_means(differences), 4),
        test="McNemar, exact" if is_share else "randomisation",
    )


def _compare_question(old: Outcome, new: Outcome) -> QuestionChange | None:
    """Give what changed of a question, None where verdict, rank and answer are judged as before."""
    steps = (
        (new.verdict in GOOD) - (old.verdict in GOOD),
        (1 / new.rank if new.rank else 0) - (1 / old.rank if old.rank else 0),
        new.holds_answer - old.holds_answer,
    )
    rises, falls = any(step > 0 for step in steps), any(step < 0 for step in steps)
    if not rises and not falls and old.verdict == new.verdict:
        return None
    direction: Direction = "better" if rises and not falls else "worse" if falls and not rises else "mixed"
    return QuestionChange(
        id=new.question.id,
        question=new.question.question,
        direction=direction,
        rank=(old.rank, new.rank),
        verdict=(old.verdict, new.verdict),
        holds_answer=(old.holds_answer, new.holds_answer),
    )
