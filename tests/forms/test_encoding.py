"""Old font encodings are recognised; ordinary Vietnamese is left alone."""

import pytest

from treem.forms.encoding import looks_misencoded


@pytest.mark.parametrize(
    "text",
    [
        "C«ng an huyÖn",
        "Coâng an huyeän Tam Ñöôøng",
        "§· tæ chøc 03 buæi tuyªn truyÒn cho trÎ em",
        "Ñaõ toå chöùc ba buoåi tuyeân truyeàn",
        "Tiáº¿ng Viá»‡t",
        "Ủy ban nh\ufffdn dân",
    ],
)
def test_case_79_suspected(text: str) -> None:
    assert looks_misencoded(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Đã tổ chức 03 buổi tuyên truyền “Tháng hành động vì trẻ em” – 1.200 lượt người; đạt 98%.",
        "ỦY BAN NHÂN DÂN XÃ BẢN BO",
        "Phối hợp Tổng đài 111, diện tích 20 m², nhiệt độ 30°C, ± 5",
        "Xuân, huấn luyện, khuếch tán, quý, thuở, huệ, Hòa, hoà, ngoằn ngoèo, quyển, giường",
        "Tổ chức UNICEF, dự án Plan® và Café",
        "THÔN NÀ ĐON, bản Hồ Thầu, xã Khun Há",
    ],
)
def test_case_79_ordinary_vietnamese_is_not_suspected(text: str) -> None:
    assert not looks_misencoded(text)
