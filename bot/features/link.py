"""/link: link this person with their account on a site, by a code of the site."""

from bot.features import link_views
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons
from bot.speech.views import View
from engine.domain import MatineeError
from engine.store import AlreadyLinked, EnoughForToday, Limited, NoSuchCode, Store, read_code

TRIES_A_DAY = 20
"""Number of codes that one person may try in a day; saying one and tapping its button count as two tries."""


def refused(error: MatineeError) -> View | None:
    match error:
        case NoSuchCode():
            return link_views.no_such_code()
        case AlreadyLinked():
            return link_views.linked_already()
        case EnoughForToday(kind=Limited.LINKS):
            return link_views.enough_tries()
    return None


def handlers() -> list[Handler]:
    return [
        command("link", link, private=True),
        tap(buttons.LinkSite, link_site),
        tap(buttons.UnlinkSite, unlink_site),
    ]


async def link(visit: Visit) -> None:
    """/link CODE: ask whether to link this chat and the site's person. Without a code: say whether they are linked."""
    held = await visit.store(Store.link_of, visit.person.id)
    if not visit.words:
        await visit.show(link_views.state(visit.owner, held))
        return
    code = read_code(visit.words)
    if code is None:
        raise NoSuchCode
    if held is not None:
        raise AlreadyLinked
    await _count_try(visit)
    site_id = await visit.store(Store.link_offered, code, visit.now)
    await visit.show(link_views.ask(visit.owner, code, site_id))


async def link_site(visit: Visit, button: buttons.LinkSite) -> None:
    """Link this chat and the site's person. A second delivery of the same tap finds them linked."""
    if await visit.store(Store.link_of, visit.person.id) is None:
        await _count_try(visit)
        await visit.store(Store.link, visit.person.id, button.code, visit.now)
    await visit.show(link_views.linked(visit.owner))


async def unlink_site(visit: Visit, _button: buttons.UnlinkSite) -> None:
    parted = await visit.store(Store.unlink, visit.person.id, visit.now)
    await visit.show(link_views.unlinked() if parted else link_views.state(visit.owner, None))


async def _count_try(visit: Visit) -> None:
    """Raises:
    EnoughForToday: this person has tried often enough.
    """
    await visit.store(Store.spend, visit.person.id, Limited.LINKS, TRIES_A_DAY, visit.now)
