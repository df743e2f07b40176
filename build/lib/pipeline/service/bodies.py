"""The images of a request: raw bytes, a form, or JSON with base64, each within the limits."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from pipeline.service.jobs import Upload
from pipeline.service.settings import Limits

NAME = 200  # characters of an image's name that are given back
MAX_FIELDS = 100  # of a form, beside its files
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Refused(Exception):
    """A request that is not answered: its HTTP status, a code, and words that say what is allowed."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class JsonImage(BaseModel):
    """An image in JSON."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=1000)] = ""
    data: str = Field(description="the bytes of the file in base64")


class JsonImages(BaseModel):
    """A request in JSON."""

    model_config = ConfigDict(extra="forbid")

    images: list[JsonImage] = Field(min_length=1)


def declared_bytes(request: Request, limits: Limits) -> int:
    """How many bytes a request may bring: what it says, or the limit where it does not say.

    Raises
    ------
    Refused
        413 for more than the limit.
    """
    said = request.headers.get("content-length", "")
    size = int(said) if said.isdecimal() and len(said) < 19 else limits.body
    if size > limits.body:
        raise Refused(413, "body_too_large", f"the request has {size:,} bytes, allowed are {limits.body:,}")
    return size


async def read_body(request: Request, limits: Limits) -> bytes:
    """The bytes of a request.

    Raises
    ------
    Refused
        408 where they come too slowly, 413 where they are too many.
    ClientDisconnect
        The other side has gone.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(limits.read_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body:
                    raise Refused(413, "body_too_large", f"the request has more than {limits.body:,} bytes")
    except TimeoutError:
        raise Refused(408, "too_slow", f"the request did not come within {limits.read_s:g} s") from None
    return bytes(body)


async def discard_body(request: Request, limits: Limits) -> None:
    """Let a refused request come in, within the limits, so that its sender hears why it is refused."""
    until, left = time.monotonic() + min(limits.read_s, 5.0), limits.body
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic()):
            async for chunk in request.stream():
                left -= len(chunk)
                if left < 0:
                    return
    except (TimeoutError, ClientDisconnect, RuntimeError):
        return


async def uploads(body: bytes, headers: Headers, limits: Limits) -> list[Upload]:
    """Names and bytes of the images in a request's body.

    Raises
    ------
    Refused
        Saying what is wrong with it and what is allowed.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        found = _from_json(body)
    elif kind == "multipart/form-data":
        found = await _from_form(body, headers, limits)
    elif kind == "application/x-www-form-urlencoded" and body[:5] != b"\xff\xd8\xff":
        raise Refused(
            415,
            "unsupported_media_type",
            "a form that brings files is multipart/form-data (curl -F file=@face.jpg)",
        )
    else:
        found = [("", body)] if body else []
    if not found:
        raise Refused(
            400,
            "no_image",
            "the request brings no image: send its bytes, a multipart form with files, or JSON with images in base64",
        )
    if len(found) > limits.images:
        raise Refused(
            413, "too_many_images", f"the request brings {len(found)} images, allowed are {limits.images}"
        )
    for place, (_, data) in enumerate(found, start=1):
        if len(data) > limits.image:
            raise Refused(
                413, "image_too_large", f"image {place} has {len(data):,} bytes, allowed are {limits.image:,}"
            )
    return [(clean_name(name) or f"image {place}", data) for place, (name, data) in enumerate(found, start=1)]


def clean_name(name: str) -> str:
    """A caller's name as it is given back: bounded, on one line."""
    return _CONTROL.sub("�", name)[:NAME]


def _from_json(body: bytes) -> list[Upload]:
    try:
        images = JsonImages.model_validate_json(body).images
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(
            400,
            "bad_json",
            f'{clean_name(where)}: {clean_name(first["msg"])}; allowed is {{"images": [{{"name": ..., "data": base64}}]}}',
        ) from None
    return [(image.name, _decoded(image.data, place)) for place, image in enumerate(images, start=1)]


def _decoded(text: str, place: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "bad_base64", f"data of image {place} is not base64") from None


class _InMemory(MultiPartParser):
    spool_max_size = 0  # never written to a disk


async def _from_form(body: bytes, headers: Headers, limits: Limits) -> list[Upload]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _InMemory(headers, stream(), max_files=limits.images, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refused(400, "bad_form", f"the form cannot be read: {clean_name(error.message)}") from None
    found = [
        (part.filename or "", await part.read())
        for _, part in form.multi_items()
        if isinstance(part, UploadFile)
    ]
    await form.close()
    return found
