"""How much of what people say is understood?

    python -m benchmarks.quality.said [--failures]

Prints, for each language, the share of everyday sentences whose meaning is read right: of those that the grammar was
built with, and of those that it was not. Exits with 1 if less than 95 % of the latter are. ``--failures`` lists what
was misread in the first half; the second half stays unseen, so that its score means something.
"""

import sys
import time

from bot.speech.understanding import understand
from tests.said import LANGUAGES, Sentence, demo_world, sentences, told, wanted

AIM = 0.95


def main() -> int:
    world, took = demo_world(), list[float]()

    def right(sentence: Sentence) -> bool:
        started = time.perf_counter()
        meaning = told(understand(sentence.text, world), sentence.meaning)
        took.append((time.perf_counter() - started) * 1000)
        good = meaning == wanted(sentence.meaning)
        if not good and not sentence.tests and "--failures" in sys.argv:
            print(f"{sentence.text!r}: {wanted(sentence.meaning)!r} was read as {meaning!r}")
        return good

    scores: dict[str, dict[bool, list[bool]]] = {}
    for language in LANGUAGES:
        scores[language] = {False: [], True: []}
        for sentence in sentences(language):
            scores[language][sentence.tests].append(right(sentence))
    print(f"{'':<10}{'built with':>18}{'tested with':>18}")
    for language, halves in scores.items():
        print(f"{language:<10}{_share(halves[False]):>18}{_share(halves[True]):>18}")
    built, tested = ([good for halves in scores.values() for good in halves[half]] for half in (False, True))
    print(f"{'all':<10}{_share(built):>18}{_share(tested):>18}")
    took.sort()
    print(
        f"a sentence takes {took[len(took) // 2]:.1f} ms, at the 99th percentile {took[int(len(took) * 0.99)]:.1f} ms"
    )
    return 1 if sum(tested) < AIM * len(tested) else 0


def _share(right: list[bool]) -> str:
    return f"{sum(right)} of {len(right)}, {sum(right) / len(right):.1%}"


if __name__ == "__main__":
    sys.exit(main())
