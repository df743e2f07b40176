"""Content Credentials (C2PA) of a file: what it says of its own making, and whether that still holds.

They stand beside a score and never change it. Read with c2pa-python where that is installed (extra `provenance`), without a
network: what a file keeps elsewhere is not fetched, nor is anybody asked whether a certificate was revoked.

C2PA Technical Specification 2.4, sections 8 (trust) and 15 (validation).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

Status = Literal["absent", "valid", "broken", "elsewhere"]
MOST = 8  # values of a list that are told
LONGEST = 120  # characters of a value
_UNTRUSTED = "signingCredential.untrusted"  # always, since no list of trusted signers is at hand
# Two locks against a network: nothing is fetched, and no host may be asked.
_SETTINGS = {
    "version": 1,
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {
        "allowed_network_hosts": [],
        "allow_redirects": False,
        "max_decompressed_manifest_size_in_mb": 16,
    },
}


@dataclass(frozen=True)
class ContentCredentials:
    """What a file's Content Credentials say. Everything in them is its maker's word.

    Attributes
    ----------
    status : {"absent", "valid", "broken", "elsewhere"}
        `valid`: signed, and the file is as it was signed; whether the signer is who the certificate says is not checked.
        `broken`: something does not hold. `elsewhere`: the file names an address that has them, which is never asked.
        `absent` proves nothing: most programs and platforms write none or drop them.
    signer : str
        As the certificate says: organisation, or name.
    tool : str
        That wrote them.
    sources : tuple of str
        Digital source types (IPTC) of all that went into the picture, such as `trainedAlgorithmicMedia`.
    problems : tuple of str
        C2PA's codes of what does not hold, or the reader's words.
    """

    status: Status
    signer: str = ""
    tool: str = ""
    sources: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_credentials(data: bytes) -> ContentCredentials | None:
    """The Content Credentials of a file.

    Parameters
    ----------
    data : bytes
        Of a whole file.

    Returns
    -------
    ContentCredentials or None
        None where c2pa-python is not installed, so that nothing is known.
    """
    if find_spec("c2pa") is None:
        return None
    embedded = b"jumb" in data and b"c2pa" in data
    if not embedded and b"provenance" not in data:
        return ContentCredentials("absent")  # most files: the library is not even loaded
    import c2pa

    try:
        with c2pa.Context.from_dict(_SETTINGS) as context:
            reader = c2pa.Reader.try_create(None, io.BytesIO(data), context=context)
            if reader is None:
                return ContentCredentials("absent")
            with reader:
                return _told(json.loads(reader.json()))
    except (c2pa.C2paError, ValueError) as error:
        if str(error).startswith("Remote"):
            return ContentCredentials("elsewhere")
        if not embedded:  # a word in the metadata of a file that the library cannot read
            return ContentCredentials("absent")
        return ContentCredentials("broken", problems=(_plain(error),))


def _told(store: dict[str, Any]) -> ContentCredentials:
    manifests = store.get("manifests") or {}
    active = manifests.get(store.get("active_manifest"), {})
    signature = active.get("signature_info") or {}
    tools = [info for info in active.get("claim_generator_info") or [] if isinstance(info, dict)]
    codes = [status.get("code") for status in store.get("validation_status") or []]
    broken = store.get("validation_state") not in ("Valid", "Trusted")
    return ContentCredentials(
        status="broken" if broken else "valid",
        signer=_plain(signature.get("issuer") or signature.get("common_name") or ""),
        tool=_plain(tools[0].get("name", "") if tools else active.get("claim_generator") or ""),
        sources=_few(source for manifest in manifests.values() for source in _sources(manifest)),
        problems=_few(code for code in codes if code and code != _UNTRUSTED) if broken else (),
    )


def _sources(manifest: dict[str, Any]) -> Iterator[str]:
    """The digital source types of a manifest's actions, without the address that all of them begin with."""
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        actions = data.get("actions") if isinstance(data, dict) else None
        for action in actions if isinstance(actions, list) else ():
            source = action.get("digitalSourceType") if isinstance(action, dict) else None
            if isinstance(source, str):
                yield source.rstrip("/").rpartition("/")[2]


def _few(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_plain(value) for value in values))[:MOST]


def _plain(value: object) -> str:
    """A stranger's value on one line, bounded."""
    text = "".join(letter if letter.isprintable() else "�" for letter in str(value)[: 2 * LONGEST])
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
