"""Parts that the command lines of engine, bot and API share: the option --dataset on every verb, and uncut help
texts."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from engine.settings import use_dataset


class Verbs(TyperGroup):
    """The verbs of a program, or of a group of verbs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for verb in self.commands.values():
            # The first sentence; Typer would shorten it with "...".
            verb.short_help = verb.get_short_help_str(limit=1000)
            if not any("--dataset" in parameter.opts for parameter in verb.params):
                verb.params.extend(_dataset_option())


def command_line(about: str, epilog: str | None = None) -> typer.Typer:
    """Return the command line of a program, still without verbs."""
    return typer.Typer(
        cls=Verbs,
        help=about,
        epilog=epilog,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # keeps help texts wrapped as they are in the code
        pretty_exceptions_enable=False,  # they would print local variables, secrets among them
    )


def _dataset_option() -> Iterator[Any]:
    """Yield the option by having Typer read a function's parameter, which is its only way to make one."""

    def verb(
        dataset: Annotated[
            str | None,
            typer.Option(
                metavar="NAME|PATH",
                help="Use this data set, not the one that is current.",
                callback=_use,
                expose_value=False,
            ),
        ] = None,
    ) -> None: ...

    program = typer.Typer(add_completion=False)
    program.command()(verb)
    yield from (option for option in typer.main.get_command(program).params if option.name == "dataset")


def _use(dataset: str | None) -> None:
    if dataset is not None:
        use_dataset(dataset)
