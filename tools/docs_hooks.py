"""MkDocs hooks: README.md, CONTRIBUTING.md and CHANGELOG.md become pages of the site; links to them follow."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Any, config: Any) -> Any:
    """Add the files at the root of the project as pages, with links relative to docs/."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        for target, name in PAGES.items():
            text = text.replace(f"]({target}", f"]({name}")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point links from the pages in the folders of docs/ to the pages of the files at the root of the project."""
    for source, page in PAGES.items():
        markdown = markdown.replace(f"](../../{source}", f"](../{page}")
    return markdown
