"""Sentences as bodies write them; every name is made up."""

import unicodedata

import pytest

from treem.district.screen import ADDRESS, AGE, BORN, INITIALS, NAME, NUMBER, PHONE, why_held

PLACES = ("xã Bản Bo", "Bản Bo", "Bình Lư", "Hồ Thầu", "Tam Đường", "Giang Ma", "Tả Lèng", "Nùng Nàng", "Sơn Bình")

NAMING = {
    "Hỗ trợ cháu Giàng A Páo bị tai nạn đuối nước.": NAME,
    "Đã thăm hỏi em Giàng A Páo ở bản Hồ Pên.": NAME,
    "Da tham hoi em Giang A Pao.": NAME,
    "em giàng a páo được hỗ trợ 5 triệu đồng": NAME,
    "Trao quà cho bé Lò Thị Mai.": NAME,
    "trao qua cho be lo thi mai": NAME,
    "Cháu Páo bị ngã gãy tay.": NAME,
    "Một cháu gái tên là Mỷ bị bỏng.": NAME,
    "Cháu: Vàng Thị Dở, lớp 5A.": NAME,
    "Nạn nhân Sùng Thị Chá đã được đưa về gia đình.": NAME,
    "Vụ việc của Nguyễn Văn An đang được xác minh.": NAME,
    "Hỗ trợ gia đình bà Tẩn Mý Pham.": NAME,
    "HỖ TRỢ CHÁU GIÀNG A PÁO BỊ TAI NẠN": NAME,
    "Học sinh Chẻo Lở Mẩy bỏ học.": NAME,
    "Em học sinh Lý Tả Mẩy được vận động trở lại lớp.": NAME,
    "Trao xe đạp cho Nguyễn Văn An.": NAME,
    "Các bạn Giàng A Páo và Lò Văn Tủa bị thương.": NAME,
    "Em Hồ Mai được hỗ trợ.": NAME,
    "Cháu Thái bị bỏng nước sôi.": NAME,
    "Chị Mỷ, mẹ của cháu, đã được tư vấn.": NAME,
    "CHÁU LÒ MAI BỊ ĐUỐI NƯỚC": NAME,
    "Em Trương Mai nghỉ học.": NAME,
    "cháu bé tên Súa": NAME,
    "Trẻ Hoàng Minh Khôi được nhận nuôi.": NAME,
    "Thào A Chu (con ông Thào A Sình) bị thương nặng.": NAME,
    "Đã khởi tố đối tượng Trần Đức Long.": NAME,
    "Phàn Tả Mẩy, đã được tư vấn tâm lý.": NAME,
    "cháu A bị xâm hại": INITIALS,
    "Em H. được đưa về gia đình.": INITIALS,
    "Cháu G.A.P đã xuất viện.": INITIALS,
    "em GAP bị thương": INITIALS,
    "Trường hợp L.T.M. đã được trợ giúp pháp lý.": INITIALS,
    "Một trẻ em nữ sinh ngày 05/6/2015 bị bỏng.": BORN,
    "Trẻ sinh năm 2014 bị đuối nước.": BORN,
    "Một nạn nhân (SN 2013) đã được hỗ trợ.": BORN,
    "Ngày sinh: 12.3.2016": BORN,
    "Một trường hợp ở bản Nà Hum, số nhà 12.": ADDRESS,
    "Nạn nhân thường trú tại bản Thác Cạn.": ADDRESS,
    "Địa chỉ: tổ 3, thị trấn Tam Đường.": ADDRESS,
    "Liên hệ gia đình: 0912 345 678.": PHONE,
    "Liên hệ 0213.3879.123": PHONE,
    "Gọi +84 912345678 để biết thêm": PHONE,
    "CCCD 012215001234": NUMBER,
    "Mã định danh: 012 215 001 234": NUMBER,
    "Bé gái 7 tuổi bị xâm hại.": AGE,
    "Cháu 13 tuổi đã được can thiệp.": AGE,
}

HARMLESS = (
    "Đồng chí Chủ tịch UBND xã chỉ đạo các bản thực hiện.",
    "Đồng chí Nguyễn Văn Bình, Phó Chủ tịch UBND huyện, đã dự và tặng quà.",
    "UBND xã Bản Bo đã ban hành kế hoạch.",
    "UBND xã Hồ Thầu phối hợp với Trạm Y tế.",
    "Trẻ em dân tộc thiểu số được tặng quà Tết Trung thu.",
    "Các em tham gia diễn đàn trẻ em cấp huyện.",
    "Tổ chức Tháng hành động vì trẻ em và Ngày Quốc tế thiếu nhi 1/6.",
    "Gọi Tổng đài 111 khi cần giúp đỡ; Công an 113.",
    "Tổng đài Quốc gia bảo vệ trẻ em 111 đã tiếp nhận 3 cuộc gọi.",
    "Đoàn Thanh niên Cộng sản Hồ Chí Minh tổ chức 5 buổi sinh hoạt hè.",
    "Trường THCS Nguyễn Bỉnh Khiêm có kế hoạch phối hợp.",
    "Đã tuyên truyền tại thôn, bản cho 1.250 lượt người.",
    "Trẻ em Mông, trẻ em Thái, trẻ em Dao được vận động ra lớp.",
    "Thực hiện Chỉ thị số 23/CT-TTg ngày 26/5/2020 của Thủ tướng Chính phủ.",
    "Kinh phí hỗ trợ 12.500.000 đồng cho 25 trẻ em.",
    "Giá cả tăng do thị trường biến động.",
    "Trẻ em dưới 6 tuổi được cấp thẻ bảo hiểm y tế; trẻ em từ 11 đến dưới 16 tuổi được khám sức khỏe.",
    "Số trẻ em được đăng ký khai sinh đúng quy định là 120 trẻ em.",
    "Phòng Lao động - Thương binh và Xã hội phối hợp với Công an huyện Tam Đường.",
    "Công tác tham mưu, phối hợp được thực hiện kịp thời, đúng quy định.",
    "Khu vực nguy cơ đuối nước ở xã Giang Ma, Tả Lèng và Nùng Nàng đã cắm biển.",
    "Trao 50 suất học bổng Vừ A Dính cho học sinh nghèo.",
    "Bà con Nhân dân các bản hưởng ứng; nhớ lời Bác Hồ dạy.",
    "Học sinh Trường Tiểu học Bản Hon tham gia thi.",
    "Các em Đội viên được kết nạp.",
    "CÔNG TÁC CHĂM SÓC, GIÁO DỤC VÀ BẢO VỆ TRẺ EM TRÊN ĐỊA BÀN XÃ NĂM 2027",
    "Trung tâm Y tế, Phòng Y tế và Trạm Y tế các xã phối hợp.",
    "Cháu ngoan Bác Hồ: 45 em được khen thưởng.",
)


@pytest.mark.parametrize("text", NAMING)
def test_a_text_that_may_name_a_child_is_held(text: str) -> None:
    assert NAMING[text] in why_held(text, PLACES)


@pytest.mark.parametrize("text", NAMING)
def test_it_is_held_however_its_letters_are_composed(text: str) -> None:
    assert why_held(unicodedata.normalize("NFD", text), PLACES) == why_held(text, PLACES)


@pytest.mark.parametrize("text", NAMING)
def test_it_is_held_within_a_report(text: str) -> None:
    report = f"Đã ban hành kế hoạch và tổ chức thực hiện.\n- {text}\n- Tuyên truyền tại các bản."
    assert NAMING[text] in why_held(report, PLACES)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_names_nobody_is_let_through(text: str) -> None:
    assert why_held(text, PLACES) == ()


@pytest.mark.parametrize(
    "surname", ["Giàng", "Thào", "Vàng", "Sùng", "Lò", "Lường", "Tẩn", "Chẻo", "Nguyễn", "Lý", "Hạng"]
)
@pytest.mark.parametrize("kin", ["cháu", "em", "bé", "học sinh", "Cháu", "chau"])
def test_every_surname_after_every_word_for_a_child(kin: str, surname: str) -> None:
    assert NAME in why_held(f"Ngày 12/5 {kin} {surname} Thị Ví dụ được hỗ trợ.", PLACES)
    assert NAME in why_held(f"Ngày 12/5 {kin} {surname} A Tủa được hỗ trợ.", PLACES)
