"""People who use Telegram: what they do, and what is on their screen."""

import asyncio
import time
from typing import TYPE_CHECKING

from bot.terminal.telegram import Json, Message

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram


class Person:
    """Somebody who uses Telegram and looks at one chat: their own with the bot, or a group.

    They look at the message that was shown last, new or edited. Messages are values: one that was kept stays as it was,
    so that old buttons can be pressed with ``in_message=``.
    """

    def __init__(
        self, telegram: "FakeTelegram", user: Json, chat: Json, topic: int | None = None, name: Json | None = None
    ) -> None:
        self.telegram = telegram
        self.user = user
        self.chat = chat
        self.topic = topic
        self.in_whose_name = name
        self.last_update: Json = {}
        self._heard = 0

    @property
    def id(self) -> int:
        return int(self.user["id"])

    def at(self, group: Json, topic: int | None = None) -> "Person":
        """The same person, looking at a group, or at one of its topics."""
        return Person(self.telegram, self.user, group, topic)

    # Their actions. Each returns once the bot has handled it.

    async def says(self, text: str) -> None:
        update = self.telegram.message_update(self.user, self.chat, text)
        if self.topic is not None:
            update["message"] |= {"message_thread_id": self.topic, "is_topic_message": True}
        if self.in_whose_name is not None:
            update["message"]["sender_chat"] = self.in_whose_name
        await self._do(update)

    async def presses(self, label: str, *, in_message: Message | None = None) -> None:
        """Press the button of this label, or that begins so, in the latest message that has it."""
        places = [in_message] if in_message is not None else sorted(self.messages, key=lambda m: -m.at)
        for message in places:
            if (button := message.button(label)) is not None:
                assert button.data is not None, f"[{button.label}] opens {button.url}"
                await self._do(self.telegram.press_update(self.user, message, button.data))
                return
        raise AssertionError(f"no button {label!r}; on screen:\n{self.screen}")

    async def forges(self, data: str, *, in_message: Message | None = None, inline: bool = False) -> None:
        """Send callback data that no button here has; with ``inline``, without saying under which message."""
        message = None if inline else in_message or self.message
        await self._do(self.telegram.press_update(self.user, message, data))

    async def sends_document(self, name: str, content: bytes, *, caption: str = "") -> None:
        await self._do(self.telegram.document_update(self.user, self.chat, name, content, caption))

    async def asks_inline(self, query: str) -> list[Json]:
        """Type ``@bot query`` in some chat. Return what is offered."""
        asked = {"id": str(time.monotonic_ns()), "from": self.user, "query": query, "offset": ""}
        await self._do({"update_id": time.monotonic_ns() % 2**31, "inline_query": asked})
        given = self.telegram.called("answerInlineQuery")
        assert given, "the inline query was left unanswered"
        assert given[-1]["inline_query_id"] == asked["id"], "the inline query was left unanswered"
        return list(given[-1]["results"])

    async def repeats(self) -> None:
        """Telegram delivers their last update a second time."""
        await self.telegram.deliver(self.last_update)

    async def blocks(self, *, silently: bool = False) -> None:
        """Block the bot; ``silently`` if it misses the update that says so."""
        self.telegram.blocked.add(self.id)
        if not silently:
            await self._do(self.telegram.membership_update(self.user, self.chat, "member", "kicked"))

    async def unblocks(self) -> None:
        self.telegram.blocked.discard(self.id)
        await self._do(self.telegram.membership_update(self.user, self.chat, "kicked", "member"))

    async def _do(self, update: Json) -> None:
        self.last_update = update
        await self.telegram.deliver(update)

    # Their screen.

    @property
    def messages(self) -> list[Message]:
        """The bot's messages in this chat as they stand, in the order in which they were sent."""
        here = (self.chat["id"], self.topic)
        there = list(self.telegram.messages.values())  # which the bot's calls over HTTP may change meanwhile
        return [message for message in there if (message.chat_id, message.topic) == here]

    @property
    def message(self) -> Message:
        """The message that was sent or edited last."""
        assert self.messages, "the bot has said nothing here"
        return max(self.messages, key=lambda message: message.at)

    @property
    def sees(self) -> str:
        """The text of that message, as people read it."""
        return self.message.text

    @property
    def buttons(self) -> list[str]:
        """The labels of its buttons, row by row."""
        return self.message.buttons

    @property
    def screen(self) -> str:
        """The whole message: the text, and a line for each row of buttons."""
        if not self.messages:
            return "(nothing)"
        lines = [" ".join(f"[{button.label}]" for button in row) for row in self.message.rows]
        return "\n".join([self.message.text, *lines])

    @property
    def toast(self) -> str:
        """The last text over a button that they pressed; empty if nothing did."""
        return next((a.text for a in reversed(self.telegram.answers) if a.telegram_id == self.id), "")

    async def hears(self, timeout_seconds: float = 20) -> str:
        """Wait for the next thing that the bot shows here, and return its text: for bots in other processes."""
        until = time.monotonic() + timeout_seconds
        while time.monotonic() < until:
            if self.messages and self.message.at > self._heard:
                self._heard = self.message.at
                return self.sees
            await asyncio.sleep(0.02)
        raise AssertionError(f"the bot said nothing more for {timeout_seconds} s; on screen:\n{self.screen}")
