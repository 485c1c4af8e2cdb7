"""The schedule in line with the plan: decided purely, then applied to a real server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Scheduled

from flows import reconcile
from flows.deployments import deployments
from flows.reconcile import Coming, Planned, differences
from treem.plan.agenda import calendar, plan_round
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Settings

CONFIG = Path(__file__).parents[2] / "config"
SMALL = Path(__file__).parents[1] / "plan" / "small"

NOW = datetime(2027, 5, 1, tzinfo=UTC)
SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def coming(milestone: str = "open", at: datetime = NOW + timedelta(days=20), year: int = 2027) -> Coming:
    return Coming(f"bao-cao-6-thang/{year}", milestone, at, f"Báo cáo 6 tháng {year} · {milestone}")


def planned(of: Coming) -> Planned:
    return Planned(uuid4(), of.key, of.at, of.name)


def counts(**more: int) -> dict[str, int]:
    words = {"create": "thêm", "move": "dời", "delete": "bỏ", "rename": "đổi tên", "keep": "giữ"}
    return {word: more.get(key, 0) for key, word in words.items()}


def test_a_schedule_in_line_changes_nothing() -> None:
    wanted = [coming(), coming("due")]
    changes = differences(wanted, [planned(c) for c in wanted], NOW)
    assert changes.counts() == counts(keep=2)


def test_a_moved_date_moves_the_run_and_a_dropped_one_deletes_it() -> None:
    here, gone = planned(coming()), planned(coming("due"))
    target = replace(coming(), at=NOW + timedelta(days=21))
    changes = differences([target], [here, gone], NOW)
    assert (changes.create, changes.move, changes.delete) == ((), ((here, target),), (gone,))


@pytest.mark.parametrize(("days", "created"), [(-1, 0), (1, 1), (400, 1), (401, 0)])
def test_only_the_coming_400_days_are_created(days: int, created: int) -> None:
    assert len(differences([coming(at=NOW + timedelta(days=days))], [], NOW).create) == created


def test_a_late_run_is_not_taken_for_a_dropped_one() -> None:
    late = coming(at=NOW - timedelta(hours=3))
    assert differences([late], [planned(late)], NOW).delete == ()


def test_a_second_run_of_the_same_milestone_is_deleted() -> None:
    first, second = planned(coming()), planned(coming())
    assert differences([coming()], [first, second], NOW).delete == (second,)


def test_of_two_runs_the_one_that_stands_right_stays() -> None:
    early = replace(planned(coming()), at=NOW + timedelta(days=1))
    right = planned(coming())
    changes = differences([coming()], [early, right], NOW)
    assert (changes.keep, changes.delete, changes.move) == ((right,), (early,), ())


def test_a_new_name_or_tag_changes_the_run_where_it_is() -> None:
    named = planned(replace(coming(), name="Báo cáo giữa năm 2027 · open"))
    tagged = replace(coming("due"), tags=frozenset({"dot:x"}))
    changes = differences([coming(), tagged], [named, planned(tagged)], NOW)
    assert [(run.name, target.name) for run, target in changes.rename][0] == (named.name, coming().name)
    assert changes.counts() == counts(rename=2)
    more = replace(planned(tagged), tags=frozenset({"dot:x", "của văn phòng"}))
    assert differences([tagged], [more], NOW).counts() == counts(keep=1)  # other tags are not ours to judge


def test_a_run_that_was_cancelled_or_has_begun_is_not_made_again_until_its_date_moves() -> None:
    cancelled = replace(planned(coming()), waits=False)
    assert differences([coming()], [cancelled], NOW).counts() == counts()
    moved = replace(coming(), at=NOW + timedelta(days=21))
    assert differences([moved], [cancelled], NOW).create == (moved,)
    assert differences([], [cancelled], NOW).delete == ()


@pytest.fixture
def deployment(client: SyncPrefectClient) -> UUID:
    found = next(d for d in deployments() if d.name == "các mốc")
    found.apply()
    return client.read_deployment_by_name(reconcile.DEPLOYMENT).id


def line_up(client: SyncPrefectClient, deployment: UUID, wanted: list[Coming]) -> dict[str, int]:
    changes = differences(wanted, reconcile.scheduled(client, deployment), datetime.now(UTC))
    reconcile.apply(client, deployment, changes)
    return changes.counts()


def test_on_a_real_server_runs_are_created_kept_moved_and_deleted(client: SyncPrefectClient, deployment: UUID) -> None:
    wanted = [coming(m, SOON + timedelta(days=i)) for i, m in enumerate(("open", "due", "close"))]
    assert line_up(client, deployment, wanted) == counts(create=3)
    assert line_up(client, deployment, wanted) == counts(keep=3)

    moved = [replace(wanted[0], at=SOON + timedelta(days=9)), wanted[1]]
    assert line_up(client, deployment, moved) == counts(move=1, delete=1, keep=1)

    after = {r.key: r for r in reconcile.scheduled(client, deployment)}
    run = client.read_flow_run(after[wanted[0].key].id)
    assert run.next_scheduled_start_time == run.expected_start_time == SOON + timedelta(days=9)  # and the pages say so
    assert after[wanted[0].key].name == "Báo cáo 6 tháng 2027 · open"
    assert set(after) == {wanted[0].key, wanted[1].key}
    assert line_up(client, deployment, []) == counts(delete=2)


def test_more_runs_than_a_page_are_all_seen(
    client: SyncPrefectClient, deployment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "PAGE", 3)
    wanted = [coming(f"remind-{i}", SOON + timedelta(days=i % 2)) for i in range(7)]
    line_up(client, deployment, wanted)
    assert line_up(client, deployment, wanted) == counts(keep=7)
    line_up(client, deployment, [])


def test_a_run_that_somebody_rescheduled_goes_back_to_its_day(client: SyncPrefectClient, deployment: UUID) -> None:
    wanted = [coming(at=SOON)]
    line_up(client, deployment, wanted)
    (run,) = reconcile.scheduled(client, deployment)
    client.set_flow_run_state(run.id, Scheduled(scheduled_time=SOON + timedelta(days=2)))
    assert line_up(client, deployment, wanted) == counts(move=1)
    (run,) = reconcile.scheduled(client, deployment)
    assert run.stands(wanted[0])
    assert line_up(client, deployment, wanted) == counts(keep=1)
    line_up(client, deployment, [])


def test_a_stop_while_a_run_moves_leaves_one_too_many_which_the_next_look_deletes(
    client: SyncPrefectClient, deployment: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_up(client, deployment, [coming(at=SOON)])
    moved = [coming(at=SOON + timedelta(days=1))]
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stopping.setattr(client, "delete_flow_run", Mock(side_effect=KeyboardInterrupt))
        line_up(client, deployment, moved)
    assert len(reconcile.scheduled(client, deployment)) == 2
    assert line_up(client, deployment, moved) == counts(delete=1, keep=1)
    line_up(client, deployment, [])


def test_another_who_applies_the_same_at_the_same_time_does_no_harm(
    client: SyncPrefectClient, deployment: UUID
) -> None:
    wanted = [coming(m, SOON) for m in ("open", "due")]
    new = differences(wanted, [], datetime.now(UTC))
    reconcile.apply(client, deployment, new)
    reconcile.apply(client, deployment, new)
    there = reconcile.scheduled(client, deployment)
    assert len(there) == 2
    gone = differences([replace(wanted[0], at=SOON + timedelta(days=1))], there, datetime.now(UTC))
    for run in there:
        client.delete_flow_run(run.id)
    reconcile.apply(client, deployment, gone)
    (run,) = reconcile.scheduled(client, deployment)
    assert run.at == SOON + timedelta(days=1)
    line_up(client, deployment, [])


@pytest.fixture(scope="module", params=[CONFIG, SMALL], ids=["shipped", "small"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return load_settings(request.param, {})


def test_every_milestone_of_the_coming_400_days_has_a_run_with_its_own_name_and_tags(settings: Settings) -> None:
    almanac = Almanac(settings.holidays)
    changes = differences(reconcile.coming(settings, almanac, NOW), [], NOW)
    plan = plan_round(settings, almanac, "bao-cao-6-thang/2027")
    mine = {c.milestone: c for c in changes.create if c.round == plan.key}
    assert set(mine) == {m.key for m in plan.milestones}
    assert mine["open"].name == "Báo cáo 6 tháng 2027 · mở đợt"
    assert mine["open"].tags == {"dot:bao-cao-6-thang/2027", "hoat-dong:bao-cao-6-thang"}
    assert {c.at.hour for c in mine.values()} == {plan.collection.hour}
    assert len({c.name for c in changes.create}) == len(changes.create)
    assert all(NOW < c.at <= NOW + reconcile.HORIZON for c in changes.create)
    rows = [row for year in (2027, 2028) for row in calendar(settings, almanac, year)]
    shown = [r for r in rows if NOW.date() < r.date <= (NOW + reconcile.HORIZON).date()]
    assert len(shown) == len(changes.create)  # the calendar and the schedule are the same plan


def test_an_event_shows_its_own_day_once_under_its_own_name(settings: Settings) -> None:
    found = [c for c in reconcile.coming(settings, Almanac(settings.holidays), NOW) if "tet-trung-thu/2027" in c.round]
    (day,) = (c for c in found if c.milestone == "day")
    assert (day.name, day.at.date().isoformat()) == ("Tết Trung thu 2027 · ngày tổ chức", "2027-09-15")
    assert day.tags == {"dot:tet-trung-thu/2027/ket-qua", "dot:tet-trung-thu/2027", "hoat-dong:tet-trung-thu"}
    assert {c.name.rpartition(" · ")[0] for c in found} == {
        "Tết Trung thu 2027",
        "Kế hoạch tổ chức Tết Trung thu 2027",
        "Kết quả tổ chức Tết Trung thu 2027",
    }


@pytest.mark.parametrize("year", [2000, 2049, 2050, 2051])
def test_at_the_edge_of_what_is_certain_the_rest_is_still_there(year: int) -> None:
    settings = load_settings(SMALL, {})
    found = reconcile.coming(settings, Almanac(settings.holidays), datetime(year, 12, 1, tzinfo=UTC))
    years = {int(c.round.split("/")[1]) for c in found}
    assert years == set(range(year - 2, year + 3)) & set(range(2000, 2051))
