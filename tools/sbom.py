"""Writes a CycloneDX list of the packages in a lock, with their hashes, licences and dependencies.

    python -m tools.sbom LOCK PYTHON OUT

PYTHON has the packages of the lock, and others. cyclonedx-py knows the hashes of a lock only, and the licences and the
dependencies of installed packages only; both lists are joined. The same lock and packages give the same bytes.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

Sbom = dict[str, Any]

_OPTIONS = ("--pyproject", "pyproject.toml", "--mc-type", "library", "--output-reproducible", "--sv", "1.6")


def main() -> None:
    """Write the file, after validation against the schema."""
    lock, python, out = sys.argv[1:]
    locked = _cyclonedx("requirements", lock)
    installed = _cyclonedx("environment", python, "--gather-license-texts")
    text = json.dumps(join(locked, installed), indent=2, sort_keys=True) + "\n"
    if problem := schema_error(text):
        sys.exit(f"{out} was not written: it does not fit the schema of CycloneDX: {problem}")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(text, encoding="utf-8")
    components = json.loads(text)["components"]
    without = ", ".join(part["name"] for part in components if "licenses" not in part)
    print(f"{out}: {len(components)} packages; licences are not declared by: {without or 'none'}")


def join(locked: Sbom, installed: Sbom) -> Sbom:
    """The packages of a lock with licences, descriptions and dependencies of the installed ones, which are more."""
    known = {_name(component): component for component in installed["components"]}
    refs = {component["bom-ref"]: _name(component) for component in installed["components"]}
    components: dict[str, list[Sbom]] = {}
    for part in locked["components"]:
        details = known.get(_name(part), {})
        added = {key: details[key] for key in ("licenses", "description") if key in details}
        part = {key: value for key, value in part.items() if key != "description"}  # the line of the lock
        components.setdefault(_name(part), []).append({**part, **added, "bom-ref": f"{_name(part)}=={part['version']}"})
    refs_of = {name: [part["bom-ref"] for part in parts] for name, parts in components.items()}
    root = installed["metadata"]["component"]["bom-ref"]
    dependencies = []
    for entry in installed["dependencies"]:
        names = [refs[ref] for ref in entry.get("dependsOn", ()) if refs[ref] in refs_of]
        targets = sorted(ref for name in names for ref in refs_of[name])
        sources = [root] if entry["ref"] == root else refs_of.get(refs[entry["ref"]], [])
        dependencies += [{"ref": ref, "dependsOn": targets} for ref in sources]
    return {
        **installed,
        "components": [part for name in sorted(components) for part in components[name]],
        "dependencies": sorted(dependencies, key=lambda entry: str(entry["ref"])),
    }


def schema_error(text: str) -> str | None:
    """What does not fit the schema of CycloneDX 1.6, or None."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return str(error) if error else None


def _cyclonedx(kind: str, source: str, *options: str) -> Sbom:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sbom.json"
        command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", kind, source, *_OPTIONS, *options, "-o", out]
        subprocess.run(command, check=True)
        content: Sbom = json.loads(out.read_text(encoding="utf-8"))
    return content


def _name(component: Sbom) -> str:
    """The normalized name of a package."""
    return str(component["name"]).lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    main()
