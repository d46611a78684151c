"""One name, one thing."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]

WIRE = {"api/client.py", "api/problems.py", "api/shapes.py", "api/routes"}
"""Shapes of the wire carry the names of what they show: a film there is a film."""

EACH_ITS_OWN = {"Services"}
"""Each front end has its own, and neither knows the other's."""


def test_no_two_classes_share_a_name() -> None:
    places = defaultdict(set)
    for folder in ("api", "bot", "engine"):
        for path in (ROOT / folder).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            if not place.startswith(tuple(WIRE)):
                for node in ast.parse(path.read_text()).body:
                    if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                        places[node.name].add(place)
    assert len(places) > 200
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in EACH_ITS_OWN} == {}
