"""What every step needs, opened once: settings, almanac, ledger and the folder of finished documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from treem.ledger.store import Ledger, open_ledger
from treem.plan.agenda import RoundPlan, plan_round, round_keys
from treem.plan.almanac import Almanac
from treem.plan.load import load_settings
from treem.plan.settings import Settings


@dataclass(frozen=True)
class House:
    """The application's rooms behind one door."""

    settings: Settings
    almanac: Almanac
    ledger: Ledger
    documents: Path
    _plans: dict[str, RoundPlan] = field(default_factory=dict, repr=False, compare=False)  # settings never change

    def plan(self, round_key: str) -> RoundPlan:
        """The round as the config has it today. Raises UnknownRound."""
        if round_key not in self._plans:
            self._plans[round_key] = plan_round(self.settings, self.almanac, round_key)
        return self._plans[round_key]

    def plans_of(self, year: int) -> list[RoundPlan]:
        """Every collection of every activity of a year, as the config has it today."""
        return [self.plan(key) for key in round_keys(self.settings, year)]

    def local(self, moment: datetime) -> datetime:
        """The moment in the office's zone."""
        return moment.astimezone(ZoneInfo(self.settings.office.timezone))


def open_house(config: Path, ledger_url: str, originals: Path, documents: Path, env: Mapping[str, str]) -> House:
    """Open everything. Raises ConfigError when the config is wrong and the ledger's own errors."""
    settings = load_settings(config, env)
    documents.mkdir(parents=True, exist_ok=True, mode=0o700)
    return House(settings, Almanac(settings.holidays), open_ledger(ledger_url, originals), documents)


def house_from_environment(env: Mapping[str, str]) -> House:
    """Open the house that TREEM_CONFIG, TREEM_HOME and TREEM_LEDGER name; defaults: `config`, `var`, SQLite in it."""
    home = Path(env.get("TREEM_HOME", "var"))
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = env.get("TREEM_LEDGER", f"sqlite:///{(home / 'ledger.sqlite').resolve()}")
    return open_house(Path(env.get("TREEM_CONFIG", "config")), url, home / "originals", home / "documents", env)
