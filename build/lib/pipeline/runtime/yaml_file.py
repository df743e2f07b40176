"""YAML 1.2, as DVC reads it: a number or a word means the same to every stage, to DVC and in the file that is written."""

from __future__ import annotations

import warnings
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

MAX_BYTES = 1_000_000  # settings are a few kB; a film given by mistake is not parsed for an hour
MAX_DEPTH = 20


class NotYamlError(ValueError):
    """Text that is no YAML; the message says why, in a few words."""


class _Representer(SafeRepresenter):
    """Text with anything but plain characters is quoted and escaped: some of them would come back as spaces."""


def _text(representer: SafeRepresenter, text: str) -> ScalarNode:
    style = None if text.isprintable() else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Representer.add_representer(str, _text)


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False  # type: ignore[assignment]  # its declaration says None alone
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.max_depth = MAX_DEPTH
    yaml.width = 4096  # a long path stays on its line
    return yaml


def load(path: Path) -> Any:
    """What a file holds; None for an empty one.

    Raises
    ------
    OSError
        It cannot be read.
    NotYamlError
        It is no YAML 1.2, repeats a key, or holds a value that is none.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise NotYamlError(f"it has {size:,} bytes, settings have at most {MAX_BYTES:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it
            return _yaml().load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotYamlError(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    except YAMLError as error:
        raise NotYamlError(_in_words(error)) from None
    except (ValueError, TypeError, OverflowError) as error:  # a date or a number that is none
        raise NotYamlError(str(error)) from None


def _in_words(error: YAMLError) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if isinstance(error, MaxDepthExceededError):
        problem = f"it is nested more than {MAX_DEPTH} deep"
    where = "" if mark is None else f"line {mark.line + 1}: "
    return where + " ".join(str(problem or error).split())


def dump(content: Any) -> str:
    """YAML text in which every value is what `load` gives back, keys in their order."""
    text = StringIO()
    _yaml().dump(content, text)
    return text.getvalue()
