"""Which days are worked and when the lunar feasts fall. Dates of rounds are in `plan.agenda`."""

from datetime import date, timedelta

from holidays import country_holidays
from lunar_vn import LunarDate, lunar_to_solar, solar_to_lunar

from treem.plan.settings import Holidays

LUNAR_YEARS = range(2000, 2051)  # no leap eighth month among them, and every date checked by an ephemeris


class LunarDateUnknown(ValueError):
    """The lunar dates of a year, and so its feasts and working days, cannot be given with certainty."""

    def __init__(self, year: int) -> None:
        first, last = LUNAR_YEARS[0], LUNAR_YEARS[-1]
        super().__init__(
            f"Chưa tính chắc chắn được ngày âm lịch (Tết, Giỗ Tổ, Trung thu) của năm {year}; "
            f"lịch chỉ dùng cho các năm {first}–{last}."
        )


class Almanac:
    """The working days of Vietnam, corrected by the office (holidays.yaml).

    The package knows moved days only once they are announced and it was updated, so the office's word comes first.
    """

    def __init__(self, holidays: Holidays) -> None:
        self._holidays = holidays
        self._off = frozenset(holidays.off)
        self._working = frozenset(holidays.working)
        self._national = country_holidays("VN")

    def certain(self, year: int) -> int:
        """The year itself, where its lunar dates were checked. Raises LunarDateUnknown."""
        if year not in LUNAR_YEARS:
            raise LunarDateUnknown(year)
        return year

    def is_working(self, day: date) -> bool:
        """Whether offices work on that day."""
        if day in self._working:
            return True
        return day not in self._off and self._national.is_working_day(day)

    def shift_working(self, day: date, n: int) -> date:
        """The n-th working day after (before, when negative) the day; for 0 the day itself or the next worked one."""
        step = timedelta(days=-1 if n < 0 else 1)
        left = abs(n)
        if n == 0:
            day, left = day - step, 1
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def last_working_before(self, day_exclusive: date) -> date:
        """The last working day before the day: what "trước ngày 15" means to an office that closes at weekends."""
        return self.shift_working(day_exclusive, -1)

    def lunar(self, year: int, month_day: str) -> date:
        """The day of a lunar "MM-DD" (never of a leap month) in Vietnam (UTC+7). Raises LunarDateUnknown.

        The package answers even for dates that do not exist, so its answer is converted back and compared.
        """
        month, day = map(int, month_day.split("-"))
        wanted = LunarDate(day, month, self.certain(year), leap=False)
        found = lunar_to_solar(wanted)
        if solar_to_lunar(found) != wanted:
            raise LunarDateUnknown(year)
        return found

    def school_day(self, year: int, name: str) -> str:
        """ "MM-DD" of a day of the school year, as it falls in that calendar year. Raises KeyError."""
        return self._holidays.school_days_of.get(year, {}).get(name) or self._holidays.school_days[name]
