"""The texts of a finished pass, in one language, and what the other languages call them.

The keys of `pass.strings` are often words of one language (`"Points"`), and often
none (`"LABEL_POINTS"`). A template is written in one of its languages.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from passwright.apple.build.pass_json import pass_schema
from passwright.model.parts import learn_more_label
from passwright.model.validation import translatable_texts
from passwright.report import Finding, note, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from passwright.model.template import Template

__all__ = ["Texts", "language_of"]

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_DEFAULT = "en"


def language_of(folder: str) -> str | None:
    """The language (BCP 47) that a folder is named after, None where it is none: `de_CH` is de-CH."""
    language = folder.replace("_", "-")
    return language if _LANGUAGE.fullmatch(language) else None


@cache
def _localised_key() -> frozenset[str]:
    """The names of members whose text phones look up in `pass.strings`."""
    owners = pass_schema().objects.values()
    return frozenset(key.name for keys in owners for key in keys.values() if "localized" in key.types) | {
        "value"
    }


class Texts:
    """The strings of a pass by language. `language` is the one that the template is written in."""

    def __init__(self, strings: Mapping[str, Mapping[str, str]]) -> None:
        self.findings: list[Finding] = []
        self._tables: dict[str, Mapping[str, str]] = {}
        for folder, texts in strings.items():
            language = language_of(folder)
            if language is None or language in self._tables:
                message = "a template has no such language, or has it already"
                self.findings.append(warning("template-drops", f"{folder}.lproj/pass.strings", message))
            else:
                self._tables[language] = texts
        self.language = _own(self._tables)
        self._own = self._tables.pop(self.language, {})
        if not strings:
            message = f"no text says which language it is in: {self.language} is a guess"
            self.findings.append(note("template-guesses", "pass.json", message, "set language"))
        self.fixed = frozenset(self._own.values()).union(
            self._own.get(key, key) for texts in self._tables.values() for key in texts
        )

    def spelt_out(self, node: Any, name: str = "") -> Any:
        """pass.json with the words of the language where keys of its strings stood."""
        if isinstance(node, dict):
            return {key: self.spelt_out(value, key) for key, value in node.items()}
        if isinstance(node, list):
            return [self.spelt_out(value, name) for value in node]
        return self._own.get(node, node) if isinstance(node, str) and name in _localised_key() else node

    def translations(self, template: Template) -> tuple[dict[str, dict[str, str]], list[Finding]]:
        """Returns the translations of the template's texts in the other languages."""
        shown = {*translatable_texts(template)}
        translations: dict[str, dict[str, str]] = {}
        findings = []
        for language, texts in self._tables.items():
            translations[language] = {}
            unused = 0
            for key, translated in texts.items():
                text = self._own.get(key, key)
                if text in shown and translations[language].setdefault(text, translated) == translated:
                    continue
                unused += text != learn_more_label(self.language)
            if unused:
                message = f"{unused} translations are of texts that the template does not fix, or has twice"
                findings.append(note("template-drops", f"{language}.lproj/pass.strings", message))
        return translations, findings


def _own(tables: Mapping[str, Mapping[str, str]]) -> str:
    """The language whose words the keys are; else English where it is there, else the first."""

    def share(language: str) -> float:
        texts = tables[language]
        return sum(key == text for key, text in texts.items()) / (len(texts) or 1)

    best = max(tables, key=share, default=_DEFAULT)
    if best in tables and 2 * share(best) >= 1:
        return best
    english = (language for language in tables if language.partition("-")[0].lower() == _DEFAULT)
    return next(english, next(iter(tables), _DEFAULT))
