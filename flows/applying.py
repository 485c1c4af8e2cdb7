"""What `treem apply` changes in Prefect, told before it is done: deployments, their schedules, the coming runs.

Belongs here: reaching the server, and the words and data of the changes. What should be there is in `flows.deployments`
and `flows.reconcile`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL

from flows import deployments, reconcile
from flows.deployments import DeploymentChange
from flows.reconcile import HORIZON, Changes, Coming, Planned
from treem.plan.almanac import Almanac
from treem.plan.settings import Settings

START = "Hãy chạy `prefect server start` và đặt PREFECT_API_URL=http://127.0.0.1:4200/api, rồi làm lại."
REFUSED = (401, 403)


class NoPrefect(Exception):
    """No Prefect server that can be used answers."""


@dataclass(frozen=True)
class Outlook:
    """Everything that differs between plan and Prefect at a moment."""

    api: str
    zone: ZoneInfo
    since: datetime
    deployments: tuple[DeploymentChange, ...]
    runs: Changes

    @property
    def is_settled(self) -> bool:
        """Whether nothing differs."""
        return not (self._runs_differ or any(d.change != "unchanged" for d in self.deployments))

    @property
    def _runs_differ(self) -> bool:
        return bool(self.runs.create or self.runs.move or self.runs.rename or self.runs.delete)


@contextmanager
def talking() -> Iterator[SyncPrefectClient]:
    """A client of the server that PREFECT_API_URL names. Raises NoPrefect, with the address and what to do."""
    url = PREFECT_API_URL.value()
    if not url:  # Prefect would start a server of its own that nobody sees
        raise NoPrefect(f"Chưa biết máy chủ Prefect ở đâu: chưa đặt PREFECT_API_URL. {START}")
    try:
        with get_client(sync_client=True) as client:
            if client.api_healthcheck() is not None:
                raise NoPrefect(f"Máy chủ Prefect không trả lời ở {_shown(url)}. {START}")
            yield client
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        remedy = (
            "Hãy kiểm tra PREFECT_API_AUTH_STRING." if code in REFUSED else "Hãy xem nhật ký của máy chủ, rồi làm lại."
        )
        raise NoPrefect(f"Máy chủ Prefect ở {_shown(url)} từ chối ({code}). {remedy}") from error
    except httpx.TransportError as error:
        raise NoPrefect(
            f"Mất kết nối với máy chủ Prefect ở {_shown(url)}. Hãy làm lại; làm lại không sinh trùng."
        ) from error


def look(client: SyncPrefectClient, settings: Settings, now: datetime) -> Outlook:
    """Compare; changes nothing."""
    wanted = reconcile.coming(settings, Almanac(settings.holidays), now)
    there = _deployment(client)
    present = reconcile.scheduled(client, there) if there else []
    return Outlook(
        api=_shown(PREFECT_API_URL.value() or ""),
        zone=ZoneInfo(settings.office.timezone),
        since=now,
        deployments=tuple(deployments.compare(client, deployments.deployments())),
        runs=reconcile.differences(wanted, present, now),
    )


def apply(client: SyncPrefectClient, outlook: Outlook) -> None:
    """Do what was looked at; may be repeated. Raises NoPrefect when the deployment of the milestones is not there."""
    wanted = deployments.deployments()
    deployments.register(wanted)
    deployments.drop_strangers(client, wanted)
    there = _deployment(client)
    if there is None:
        raise NoPrefect(f"Máy chủ Prefect không nhận đăng ký “{reconcile.DEPLOYMENT}”.")
    reconcile.apply(client, there, outlook.runs)


def _deployment(client: SyncPrefectClient) -> UUID | None:
    try:
        return client.read_deployment_by_name(reconcile.DEPLOYMENT).id
    except ObjectNotFound:
        return None


def _shown(url: str) -> str:
    """The address without a password that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def data(outlook: Outlook, dry_run: bool) -> dict[str, Any]:
    """For another program."""
    runs = outlook.runs
    moved = (
        {"round": c.round, "milestone": c.milestone, "name": c.name, "from": p.at, "to": c.at} for p, c in runs.move
    )
    renamed = ({"round": c.round, "milestone": c.milestone, "from": p.name, "to": c.name} for p, c in runs.rename)
    return {
        "api": outlook.api,
        "dry_run": dry_run,
        "deployments": [{"name": d.name, "change": d.change, "details": list(d.details)} for d in outlook.deployments],
        "added": [_row(c, outlook.zone) for c in _by_date(runs.create)],
        "moved": [{k: _local(v, outlook.zone) for k, v in row.items()} for row in moved],
        "dropped": [_row(p, outlook.zone) for p in _by_date(runs.delete)],
        "renamed": list(renamed),
        "unchanged": len(runs.keep),
    }


def words(outlook: Outlook) -> Iterator[str]:
    """For people, line by line: deployments, then every round that changes, then the sums."""
    yield f"Máy chủ Prefect: {outlook.api}"
    for change in outlook.deployments:
        yield from _deployment_lines(change)
    last = (outlook.since + HORIZON).astimezone(outlook.zone)
    yield f"Các mốc từ nay đến {last:%d/%m/%Y}:"
    for (key, title), lines in _by_round(_lines(outlook)):
        yield f"  {title} ({key})"
        yield from (f"    {line}" for line in lines)
    counts = outlook.runs.counts()
    changed = ", ".join(f"{word} {counts[word]}" for word in ("thêm", "dời", "bỏ", "đổi tên"))
    yield f"  {changed}; giữ nguyên {counts['giữ']}."
    if any(c.milestone == "due" for _, c in outlook.runs.move):
        yield "Hạn nộp có dời: đơn vị đã được hỏi mà chưa nộp sẽ nhận thư báo hạn mới ở lượt chạy tới của đợt."


def last_word(outlook: Outlook, dry_run: bool) -> str:
    """What has become of the changes."""
    if outlook.is_settled:
        return "Prefect đã khớp với kế hoạch, không có gì phải đổi."
    return "Chưa đổi gì (--dry-run). Để áp dụng: treem apply" if dry_run else "Đã áp dụng."


Line = tuple[tuple[str, str], datetime, str]
"""A change: round and title, when, and what."""


def _lines(outlook: Outlook) -> Iterator[Line]:
    at = outlook.zone
    for c in outlook.runs.create:
        yield _round_of(c), c.at, f"+ thêm: {_step(c)}, {_day(c.at, at)}"
    for p, c in outlook.runs.move:
        renamed = "" if p.name == c.name else f" (tên cũ: {p.name})"
        yield _round_of(c), c.at, f"~ dời: {_step(c)}, từ {_day(p.at, at)} sang {_day(c.at, at)}{renamed}"
    for p in outlook.runs.delete:
        yield _round_of(p), p.at, f"- bỏ: {_step(p)}, {_day(p.at, at)}"
    for p, c in outlook.runs.rename:
        change = "sửa thẻ" if p.name == c.name else f"đổi tên từ “{p.name}”"
        yield _round_of(c), c.at, f"= {change}: {_step(c)}, {_day(c.at, at)}"


def _by_round(lines: Iterable[Line]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Rounds by their first change, the changes of each by date."""
    listed = sorted(lines, key=lambda line: (line[0], line[1]))
    rounds = [(key, list(group)) for key, group in groupby(listed, key=lambda line: line[0])]
    for key, group in sorted(rounds, key=lambda found: found[1][0][1]):
        yield key, [text for _, _, text in group]


def _deployment_lines(change: DeploymentChange) -> Iterator[str]:
    word = {"added": "+ thêm", "changed": "~ sửa", "dropped": "- bỏ", "unchanged": "  giữ nguyên"}[change.change]
    yield f"{word} nơi chạy: {change.name}"
    yield from (f"    {detail}" for detail in change.details)


def _round_of(run: Coming | Planned) -> tuple[str, str]:
    return run.key[0], run.name.rpartition(" · ")[0] or run.name


def _step(run: Coming | Planned) -> str:
    return run.name.rpartition(" · ")[2]


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M %d/%m/%Y}"


def _by_date(runs: Sequence[Any]) -> list[Any]:
    return sorted(runs, key=lambda run: run.at)


def _row(run: Coming | Planned, zone: ZoneInfo) -> dict[str, Any]:
    return {"round": run.key[0], "milestone": run.key[1], "name": run.name, "at": _local(run.at, zone)}


def _local(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value
