"""`make sbom`: the inventory of what an installation brings (OWASP ASVS 5 15.1.2)."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_names_each_library_of_an_installation_with_its_version_and_none_of_the_tests() -> None:
    subprocess.run(["make", "sbom"], cwd=ROOT, check=True, timeout=600)
    written = json.loads((ROOT / "build/zaiond.cdx.json").read_text())
    assert written["bomFormat"] == "CycloneDX"
    versions = {one["name"].lower(): one.get("version") for one in written["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *extras["web"], *extras["fleet"]]
    ours = {re.split(r"[^A-Za-z0-9_-]", one)[0].lower().replace("-", "_") for one in named}
    known = {name.replace("-", "_") for name, version in versions.items() if version}
    assert ours <= known
    assert {"h11", "markupsafe"} <= known, "what these need in turn"
    assert not {"pytest", "mypy", "playwright", "pip"} & known
