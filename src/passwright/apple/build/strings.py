"""The `pass.strings` files of an Apple pass, one for each language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from passwright.apple.build import strings_file
from passwright.model.parts import learn_more_label
from passwright.model.validation import translatable_texts

if TYPE_CHECKING:
    from passwright.model.template import Template

__all__ = ["build_strings"]


def build_strings(template: Template, *, bound: bool) -> dict[str, bytes]:
    """The `pass.strings` of every language, by file name.

    The template's own language gets one too: with `de.lproj` alone, Wallet would
    show German to everybody.
    """
    if not template.translations:
        return {}
    texts = list(dict.fromkeys(translatable_texts(template)))
    own = learn_more_label(template.language)
    files = {}
    for language in sorted({template.language, *template.translations}):
        known = template.translations.get(language, {})
        lines = {
            text: known.get(text, text) for text in texts if language == template.language or text in known
        }
        if bound:
            lines[own] = learn_more_label(language)
        files[f"{language}.lproj/pass.strings"] = strings_file.dumps(lines)
    return files
