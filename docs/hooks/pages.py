"""Pages that are written while the site builds: the registry's axes, the public names, and files that lie elsewhere."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from api_page import api_page  # noqa: E402
from axes_page import axes_page  # noqa: E402

ELSEWHERE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
    "docker.md": "docker/README.md",
}
"""Page -> the file of the repository that it shows."""

_LINK = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that no file under ``docs/`` holds."""
    pages = {page: (ROOT / source).read_text() for page, source in ELSEWHERE.items()}
    pages |= {"axes.md": axes_page(), "api.md": api_page()}
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    for notebook in sorted((ROOT / "examples").glob("*.ipynb")):
        files.append(File.generated(config, f"examples/{notebook.name}", content=notebook.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links, which are written for the repository, at the site's pages."""
    here = page.file.src_uri
    folder = posixpath.dirname(ELSEWHERE.get(here, f"docs/{here}"))
    on_site = {source: target for target, source in ELSEWHERE.items()}

    def moved(link: re.Match[str]) -> str:
        source = posixpath.normpath(posixpath.join(folder, link[2]))
        target = on_site.get(source, source.removeprefix("docs/"))
        return link[1] + posixpath.relpath(target, posixpath.dirname(here) or ".")

    return _LINK.sub(moved, markdown)
