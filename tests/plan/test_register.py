"""Bodies that end and who goes on after them: by code and day, never by code alone."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.plan.builders import body
from treem.plan.consistency.register import check_register
from treem.plan.load import ConfigError, load_settings
from treem.plan.settings import Body, Group, NoSuccessor, Register

EXAMPLE = Path(__file__).parents[2] / "config-examples" / "lai-chau-2025"
OLD, NEW = date(2025, 6, 30), date(2025, 7, 1)
GROUP = Group(key="xa", name="Các xã", duty_group="III.9", tone="instruct")

TOWN = body("03390", name="thị trấn Tam Đường", valid_to=OLD, successors=("03390",))
OLD_BINH_LU = body("03412", name="xã Bình Lư cũ", valid_to=OLD, successors=("03390",))
BINH_LU = body("03390", name="xã Bình Lư", valid_from=NEW)
STAYING = body("03424")


def register(*bodies: Body) -> Register:
    return Register(groups=(GROUP,), bodies=bodies)


REGISTER = register(TOWN, OLD_BINH_LU, BINH_LU, STAYING)


def test_a_successor_is_whoever_has_the_code_on_the_day_after() -> None:
    assert REGISTER.successors_of(TOWN) == (BINH_LU,)
    assert REGISTER.successors_of(OLD_BINH_LU) == (BINH_LU,)
    assert REGISTER.successors_of(STAYING) == ()
    assert REGISTER.predecessors_of(BINH_LU) == (TOWN, OLD_BINH_LU)
    assert REGISTER.predecessors_of(TOWN) == REGISTER.predecessors_of(STAYING) == ()


def test_a_body_that_stood_before_may_take_another_in() -> None:
    gone = body("03427", valid_to=OLD, successors=("03424",))
    assert register(gone, STAYING).predecessors_of(STAYING) == (gone,)


@pytest.mark.parametrize(
    "wrong",
    [
        body("03412", valid_to=OLD, successors=("03400",)),  # unknown
        body("03412", successors=("03390",)),  # has not ended
        body("03412", valid_to=date(2024, 6, 30), successors=("03424",)),  # there is nobody yet
        body("03412", valid_to=date.max, successors=("03424",)),
    ],
)
def test_a_successor_that_is_not_there_has_a_name(wrong: Body) -> None:
    late = body("03424", valid_from=NEW)
    with pytest.raises(NoSuccessor, match=f"03412.*“{wrong.successors[0]}”"):
        register(wrong, late).successors_of(wrong)
    with pytest.raises(NoSuccessor):
        register(wrong, late).predecessors_of(late)


def found(*bodies: Body) -> Sequence[tuple[object, str, str]]:
    return [(f.path, f.message, f.remedy) for f in check_register(register(*bodies))]


def test_a_register_that_holds_together_has_no_findings() -> None:
    assert found(*REGISTER.bodies) == []


def test_a_successor_must_be_there_the_day_after() -> None:
    late = body("03424", name="xã Bản Bo", valid_from=date(2025, 7, 2))
    (one,) = found(body("03427", name="xã Nà Tăm", valid_to=OLD, successors=("03424",)), late)
    assert one == (
        ("bodies", 0, "successors", 0),
        "Ngày 01/07/2025, sau khi xã Nà Tăm kết thúc, không có đơn vị nào mã “03424”.",
        "“03424” là xã Bản Bo (02/07/2025–nay). Sửa mã kế tục, valid_to ở đây, hoặc valid_from ở đơn vị đó.",
    )


def test_who_has_successors_must_have_ended() -> None:
    (one,) = found(body("03412", successors=("03424",)), STAYING)
    assert one[:2] == (("bodies", 0, "successors", 0), "Có đơn vị kế tục nhưng chưa có ngày kết thúc.")
    assert "valid_to" in one[2]


@pytest.mark.parametrize("until", [None, OLD])
def test_nobody_goes_on_after_himself(until: date | None) -> None:
    (one,) = found(body("03424", valid_to=until, successors=("03424",)))
    assert one[:2] == (
        ("bodies", 0, "successors", 0),
        "“03424” là chính đơn vị này: không kế tục chính mình được.",
    )


def test_a_code_nobody_has_is_named() -> None:
    (one,) = found(body("03412", valid_to=OLD, successors=("03425",)), STAYING)
    assert one[1:] == ("Không có đơn vị mã “03425”.", "Có phải là “03424”? Hãy sửa lại.")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('successors: ["03408"]', 'successors: ["03418"]', "Ngày 01/07/2025, sau khi Ủy ban nhân dân xã Nùng Nàng"),
        ("    valid_to: 2025-06-30\n    successors", "    successors", "Có đơn vị kế tục nhưng chưa có ngày kết thúc"),
    ],
)
def test_a_mistake_in_the_example_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "config")
    path = folder / "bodies.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(folder, {})
    line = text[: text.index(old)].count("\n") + 1
    said = [(p.file, p.line) for p in caught.value.problems if message in p.message]
    assert said == [("config/bodies.yaml", line)]
