"""People who tap while their bot is killed: for tests, and for ``benchmarks/speed/taps.py``, which prints figures."""

import asyncio
import random
import signal
import socket
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from bot.speech.buttons import Rate, pack
from bot.terminal.telegram import Message
from engine.store import Store
from engine.store.chat.inbox import inbox
from engine.store.migrate import migrate
from tests import world
from tests.conftest import Program
from tests.fakes import TOKEN, FakeTelegram, Json, Person, serve_bot_api
from tests.ledger import fewest_lost

FIRST_ID = 2000
PATIENCE_SECONDS = 240
STARS = ("1", "2", "3", "4", "5")
HEAT = next(movie_id for movie_id, name in world.NAMES.items() if name == "Heat")


@dataclass
class Club:
    """People who look at a film's card, their bot in a process of its own, and what they have tapped."""

    telegram: FakeTelegram
    program: Program
    store: Store
    log: Path
    people: list[Person]
    cards: dict[int, Message] = field(default_factory=dict)
    taps: Counter[int] = field(default_factory=Counter)
    latest: dict[int, str] = field(default_factory=dict)
    tapped: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    process: subprocess.Popen[str] | None = None
    webhook_port: int = 0
    film_id: int = HEAT
    title: str = "Heat"

    def start(self) -> None:
        """Start the bot; its log goes to a file."""
        with self.log.open("a") as log:
            self.process = self.program.start("bot", "run", stdout=log, stderr=log)

    def kill(self) -> None:
        """End the bot at once, as kill -9 does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    async def stop(self) -> int:
        """Tell the bot to stop. Return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 40)

    def open_cards(self) -> None:
        """Everybody has a card of the film on screen, as an earlier bot left it."""
        for person in self.people:
            self.telegram.chats[person.id] = person.chat
            row = [
                {"text": stars, "callback_data": pack(Rate(person.id, self.film_id, 2 * int(stars)))} for stars in STARS
            ]
            card = {"chat_id": person.id, "text": self.title, "reply_markup": {"inline_keyboard": [row]}}
            self.telegram.call("sendMessage", card, {})
            self.cards[person.id] = person.message

    async def tap(self, person: Person) -> None:
        """Press stars on the card that was shown first: others than the time before, so that every tap is an act."""
        await self.telegram.deliver(self.tap_update(person))

    def tap_update(self, person: Person) -> Json:
        """Return what Telegram tells the bot of such a tap."""
        stars = random.choice([stars for stars in STARS if stars != self.latest.get(person.id)])
        self.latest[person.id] = stars
        self.tapped[person.id].append(stars)
        self.taps[person.id] += 1
        card = self.cards[person.id]
        button = card.button(stars)
        assert button is not None
        assert button.data is not None
        return self.telegram.press_update(person.user, card, button.data)

    async def tap_on(self, seconds: float, *, per_second: float) -> None:
        """Have random people tap."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            await self.tap(random.choice(self.people))
            await asyncio.sleep(random.expovariate(per_second))

    async def settle(self) -> None:
        """Wait until Telegram holds nothing back, and nothing is at hand."""
        await self._until(lambda: not self.telegram.holds_back and not self._at_hand())

    async def has_begun(self) -> None:
        """Wait until some of what was tapped has been saved."""
        before = self._acts()
        await self._until(lambda: self._acts() > before)

    def missing(self) -> int:
        """The number of taps that have not become an act; below zero, of those that have become two."""
        return self.taps.total() - self._acts()

    def fewest_lost(self) -> int | None:
        """How many taps had no effect at the least; None if somebody has an act that they did not tap."""
        each = [fewest_lost([float(stars) for stars in self.tapped[who.id]], self._given(who)) for who in self.people]
        return None if None in each else sum(lost or 0 for lost in each)

    def astray(self) -> list[int]:
        """The people for whom the database, or the message on screen, shows other stars than they tapped last."""
        return [
            person.id
            for person in self.people
            if (stars := self.latest.get(person.id))
            and (self._stars(person) != float(stars) or not person.sees.startswith(f"{self.title}, {stars}."))
        ]

    def told_twice(self) -> int:
        """How many messages came beside the cards."""
        return sum(len(person.messages) - 1 for person in self.people)

    def _stars(self, person: Person) -> float | None:
        known = self.store.find_person(person.id)
        return None if known is None else self.store.taste(known.id, world.NOW).stars_for(self.film_id)

    def _acts(self) -> int:
        known = [self.store.find_person(person.id) for person in self.people]
        return sum(len(self.store.events_of(person.id)) for person in known if person is not None)

    def _given(self, person: Person) -> list[float | None]:
        known = self.store.find_person(person.id)
        return [] if known is None else [event.stars for event in self.store.events_of(known.id)]

    def _at_hand(self) -> int:
        with self.store.read() as connection:
            waits = sa.select(sa.func.count()).select_from(inbox).where(inbox.c.body.is_not(None))
            return connection.scalar(waits) or 0

    async def _until(self, true: object) -> None:
        assert callable(true)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(true):  # noqa: ASYNC110 - another process makes it true
                await asyncio.sleep(0.1)


@contextmanager
def club(home: Path, *, people: int, webhook: bool = False) -> Iterator[Club]:
    """A club in an empty folder, its Telegram over HTTP; its bot is started by the test, and ended afterwards."""
    home.mkdir(exist_ok=True)
    store = Store(f"sqlite:///{home}/tiny/matinee.db")
    migrate(store)
    world.build(store)
    telegram = FakeTelegram(local=webhook)
    with serve_bot_api(telegram) as url:
        settings = {"MATINEE_DATASET": "tiny", "MATINEE_TELEGRAM_API": url, "MATINEE_TELEGRAM_TOKEN": TOKEN}
        port = 0
        if webhook:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            settings |= {"MATINEE_WEBHOOK_URL": f"http://127.0.0.1:{port}/films", "MATINEE_WEBHOOK_PORT": str(port)}
        members = [telegram.person(FIRST_ID + number) for number in range(people)]
        there = Club(telegram, Program(home, settings), store, home / "bot.log", members, webhook_port=port)
        there.open_cards()
        try:
            yield there
        finally:
            if there.process is not None:
                there.process.kill()
                there.process.wait()
            store.close()
