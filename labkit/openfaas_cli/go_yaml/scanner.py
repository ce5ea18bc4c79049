"""PyYAML's loader, with blanks and plain scalars as Go's yaml.v3 reads them.

PyYAML forbids tabs between tokens. yaml.v3, a port of libyaml, forbids them
only where they would be indentation; in ``{a:b}`` it has one scalar; it knows
two directives and version 1.1 only, and no half of a surrogate pair.
"""

from __future__ import annotations

import yaml
from yaml.scanner import ScannerError
from yaml.tokens import ScalarToken

_TOKENS_AHEAD = 2
_BOM = "\ufeff"
MAX_FLOW_DEPTH = 500
"""10,000 in yaml.v3; but PyYAML's time grows with the square of the depth, and
60,000 brackets take a minute."""

_BREAKS = "\r\n\x85\u2028\u2029"
_BLANKS_AND_END = f"\0 \t{_BREAKS}"


class GoYamlLoader(yaml.BaseLoader):
    """A loader for :func:`yaml.parse`."""

    def need_more_tokens(self) -> bool:
        """Return whether to read on: yaml.v3 is two tokens ahead.

        That determines which of several errors in a file is reported.
        """
        if self.done:
            return False
        return len(self.tokens) <= _TOKENS_AHEAD or bool(super().need_more_tokens())

    def fetch_flow_collection_start(self, token_class: type[yaml.Token]) -> None:
        """Begin a list or mapping in brackets."""
        if self.flow_level >= MAX_FLOW_DEPTH:
            raise ScannerError(None, None, f"exceeded max depth of {MAX_FLOW_DEPTH}", self.get_mark())
        super().fetch_flow_collection_start(token_class)

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks."""
        while True:
            if self.column == 0 and self.peek() == _BOM:
                self.forward()
            while self.peek() == " " or (
                self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)
            ):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in f"\0{_BREAKS}":
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> ScalarToken:
        """Return a scalar without quotes, perhaps of several lines."""
        start = end = self.get_mark()
        indent = self.indent + 1
        text, gap = "", ""
        while self.peek() != "#" and not self._at_document_marker():
            length = 0
            while not self._ends_plain(length):
                length += 1
            if length:
                text += gap + self.prefix(length)
                gap = ""
                self.allow_simple_key = False
                self.forward(length)
                end = self.get_mark()
            if self.peek() not in f" \t{_BREAKS}":
                break
            gap = self._scan_gap(indent, start)
            if not self.flow_level and self.column < indent:
                break
        return ScalarToken(text, True, start, end)

    def scan_block_scalar(self, style: str) -> ScalarToken:
        """Return a scalar after ``|`` or ``>``."""
        self._block_start = self.get_mark()
        return super().scan_block_scalar(style)

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, yaml.Mark]:
        """Find the indentation of a block scalar's first line with text."""
        found = super().scan_block_scalar_indentation()
        self._refuse_tab_as_indentation(found[1] + 1)
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], yaml.Mark]:
        """Skip a block scalar's indentation and empty lines."""
        found = super().scan_block_scalar_breaks(indent)
        self._refuse_tab_as_indentation(indent)
        return found

    def scan_directive_name(self, start_mark: yaml.Mark) -> str:
        """Return the name of a directive, ``YAML`` or ``TAG``."""
        length = 0
        while self.peek(length).isascii() and (self.peek(length).isalnum() or self.peek(length) in "-_"):
            length += 1
        name: str = self.prefix(length)
        problem = "" if name in ("YAML", "TAG") else "found unknown directive name"
        if self.peek(length) not in _BLANKS_AND_END:
            problem = "found unexpected non-alphabetical character"
        if not length:
            problem = "could not find expected directive name"
        if problem:
            raise ScannerError("while scanning a directive", start_mark, problem, self.get_mark())
        self.forward(length)
        return name

    def scan_yaml_directive_value(self, start_mark: yaml.Mark) -> tuple[int, int]:
        """Return the version; PyYAML refuses another major one only."""
        version: tuple[int, int] = super().scan_yaml_directive_value(start_mark)
        return version if version == (1, 1) else (0, 0)

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: yaml.Mark) -> list[str]:
        r"""Return a part of a quoted scalar; ``\ud83d`` is no character."""
        try:
            chunks: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
            if not any("\ud800" <= letter <= "\udfff" for chunk in chunks for letter in chunk):
                return chunks
        except (ValueError, OverflowError):
            pass  # beyond U+10FFFF
        problem = "found invalid Unicode character escape code"
        raise ScannerError("while parsing a quoted scalar", start_mark, problem, self.get_mark())

    def _ends_plain(self, ahead: int) -> bool:
        char = self.peek(ahead)
        if char in _BLANKS_AND_END or (self.flow_level and char in ",?[]{}"):
            return True
        return char == ":" and self.peek(ahead + 1) in _BLANKS_AND_END

    def _scan_gap(self, indent: int, start: yaml.Mark) -> str:
        """Skip blanks and breaks; return what they are inside of a scalar."""
        spaces, breaks = "", []
        while self.peek() in f" \t{_BREAKS}":
            if self.peek() in _BREAKS:
                breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
                continue
            if not breaks:
                spaces += self.peek()
            elif self.peek() == "\t" and self.column < indent:
                problem = "found a tab character that violates indentation"
                raise ScannerError("while scanning a plain scalar", start, problem, self.get_mark())
            self.forward()
        if not breaks:
            return spaces
        self.allow_simple_key = True
        if breaks[0] != "\n":
            return "".join(breaks)
        return "".join(breaks[1:]) or " "

    def _at_document_marker(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _BLANKS_AND_END

    def _refuse_tab_as_indentation(self, indent: int) -> None:
        if self.peek() == "\t" and self.column < indent:
            problem = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", self._block_start, problem, self.get_mark())
