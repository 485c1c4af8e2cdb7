"""Marks runs that lost their process: without this a run killed by a power cut stays "Running" for ever.

Prefect's open-source server has no such watch of its own, only automations over the heartbeats that runs send.
"""

from datetime import timedelta
from typing import cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

SILENCE = timedelta(seconds=540)  # three heartbeats of Prefect's default 180 s
NAME = "Phát hiện lượt chạy mất tiến trình"


def watch() -> None:
    """Create the automation, or bring it up to date."""
    wanted = Automation(
        name=NAME,
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="Lượt chạy đã mất tiến trình.")],
    )
    try:
        there = cast(Automation, Automation.read(name=NAME))  # `read` is a coroutine only where a loop is running
    except ValueError:  # there is none yet
        wanted.create()
        return
    wanted.id = there.id
    wanted.update()
