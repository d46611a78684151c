"""The bill of materials of an image's Python packages, from the lock that the image is installed from.

    python -m requirements.sbom FOLDER

Writes FOLDER/matinee-bot.cdx.json, matinee-api.cdx.json and matinee-engine.cdx.json: CycloneDX 1.6, the same bytes for
the same lock. Packages that are for other systems than Linux or for another Python than the images' are left out.
Packages from Debian are not in the lock and so not here: CONTRIBUTING.md ("make a release") says how it is listed.

Source: https://cyclonedx.org/docs/1.6/json/ and the package URLs of https://github.com/package-url/purl-spec.
"""

import argparse
import json
import re
import tomllib
import uuid
from pathlib import Path
from typing import Any

from packaging.markers import Marker

ROOT = Path(__file__).parents[1]
IMAGES = ("bot", "api", "engine")
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\\n(?P<hashes>(?: +--hash=.*\n?)+)", re.M
)


def bill_of(image: str) -> dict[str, Any]:
    """Return the bill of materials of ``bot``, ``api`` or ``engine``."""
    lock = (ROOT / "requirements" / f"{image}.txt").read_text()
    packages = [_component(entry) for entry in ENTRY.finditer(lock) if _is_installed(entry["marker"])]
    program: dict[str, Any] = {
        "type": "application",
        "bom-ref": f"matinee-{image}",
        "name": f"matinee-{image}",
        "version": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        "licenses": [{"license": {"id": "MIT"}}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, program['bom-ref'] + program['version'] + lock)}",
        "version": 1,
        "metadata": {"component": program},
        "components": packages,
        "dependencies": [{"ref": program["bom-ref"], "dependsOn": [package["bom-ref"] for package in packages]}],
    }


def _component(entry: re.Match[str]) -> dict[str, Any]:
    purl = f"pkg:pypi/{entry['name']}@{entry['version']}"
    # One hash for each file of the release; which of them is installed depends on the processor.
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", entry["hashes"])
    files = {
        "type": "distribution",
        "url": purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
    }
    return {
        "type": "library",
        "bom-ref": purl,
        "name": entry["name"],
        "version": entry["version"],
        "purl": purl,
        "externalReferences": [files],
    }


def _is_installed(marker: str | None) -> bool:
    """Whether a package with such a marker is installed in an image."""
    python = python_of_images()
    there = {
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    return marker is None or Marker(marker).evaluate(there)


def python_of_images() -> str:
    """Return the Python of the images, as "3.12"."""
    found = re.search(r"^ARG PYTHON=python:(\d+\.\d+)-", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError("the Dockerfile names its Python otherwise")
    return found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        path = folder / f"matinee-{image}.cdx.json"
        path.write_text(json.dumps(bill_of(image), indent=1) + "\n")
        print(path)


if __name__ == "__main__":
    main()
