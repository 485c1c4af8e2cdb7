"""What runs, tags and artifacts are called: Vietnamese for people, ASCII slugs for Prefect. No steps here."""

from tasks.door import house
from treem.plan.agenda import OWN_DAYS, RoundPlan, UnknownRound

LOOK = "xem-lai"
"""The milestone of a run that only looks at plan against ledger."""


def slug(round_key: str) -> str:
    """A round's key as Prefect's artifact keys must be: `bao-cao-6-thang-2027`."""
    return round_key.replace("/", "-").lower()


def round_tag(round_key: str) -> str:
    """The tag every run of a round carries."""
    return f"dot:{round_key}"


def round_tags(plan: RoundPlan) -> frozenset[str]:
    """The tags of a milestone's run: the collection, the round it belongs to, and the activity."""
    return frozenset({round_tag(plan.key), round_tag(plan.occasion), f"hoat-dong:{plan.activity.key}"})


def step_name(round_key: str, milestone: str) -> str:
    """ "Báo cáo 6 tháng 2027 · mở đợt"; what has left the plan meanwhile goes by its key."""
    try:
        return milestone_name(house().plan(round_key), milestone)
    except (UnknownRound, KeyError):
        return f"{round_key} · {milestone}"


def milestone_name(plan: RoundPlan, milestone: str) -> str:
    """The same, of a plan at hand. Raises KeyError when the plan has no such milestone."""
    titles = {m.key: m.title for m in plan.milestones} | {LOOK: "xem lại"}
    title = titles[milestone]
    whose = plan.occasion_title if milestone in OWN_DAYS else plan.title
    return f"{whose} · {title[:1].lower()}{title[1:]}"


def approval_name(round_key: str, version: int) -> str:
    """ "Báo cáo 6 tháng 2027 · phê duyệt dự thảo lần 1"."""
    return f"{house().plan(round_key).title} · phê duyệt dự thảo lần {version}"


def number_name(round_key: str, version: int) -> str:
    """ "Báo cáo 6 tháng 2027 · cấp số báo cáo lần 1"."""
    return f"{house().plan(round_key).title} · cấp số báo cáo lần {version}"
