"""Prompt templates: loaded, fingerprinted, and rendered with nothing missing."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from session.ending import Exit, Stop


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """One prompt file."""

    path: Path
    text: str

    @property
    def sha256(self) -> str:
        """The fingerprint of the file's text, before anything is filled in."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load(path: Path) -> Template:
    """The template at `path`. Raises Stop (exit 3) with one line if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(Exit.CONFIGURATION, f"the prompt {path} cannot be read: {error}") from error
    if not text.strip():
        raise Stop(Exit.CONFIGURATION, f"the prompt {path} is empty")
    return Template(path=path, text=text)


def render(template: Template, variables: Mapping[str, object]) -> str:
    """The template with every `$name` filled in.

    Raises Stop (exit 3) for a name that is not known, naming it: a prompt with a hole is not sent.
    """
    try:
        return string.Template(template.text).substitute(variables)
    except KeyError as error:
        known = ", ".join(sorted(variables))
        raise Stop(
            Exit.CONFIGURATION,
            f"the prompt {template.path} uses ${error.args[0]}, which is not known here; "
            f"known are {known}",
        ) from error
    except ValueError as error:
        raise Stop(
            Exit.CONFIGURATION,
            f"the prompt {template.path}: {error}; a dollar sign is written $$",
        ) from error
