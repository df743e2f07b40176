"""The addresses of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from models.bundle_files import FORMAT
from pipeline.service.answers import (
    ErrorAnswer,
    ExplainAnswer,
    LimitsAnswer,
    ScoreAnswer,
    StateAnswer,
    TrainingAnswer,
    VersionAnswer,
    software,
)
from pipeline.service.bodies import (
    JsonImages,
    Refused,
    clean_name,
    declared_bytes,
    discard_body,
    read_body,
    uploads,
)
from pipeline.service.jobs import Upload, Work
from pipeline.service.named_images import read_below
from pipeline.service.observed import Observed
from pipeline.service.results import Explained
from pipeline.service.service import Busy, Gone, Service, refuse_unready
from pipeline.service.settings import ServiceError

PAGE = Path(__file__).parent / "page"
PAGE_FILES = {
    "app.js": "text/javascript",
    "words.js": "text/javascript",
    "docs.js": "text/javascript",
    "style.css": "text/css",
}
CLOSED = 499  # whoever asked has gone: nobody reads this status but the log

Prior = Annotated[float | None, Query(gt=0, lt=1, description="share of fakes to expect, for `probability`")]
Rate = Annotated[
    float | None, Query(gt=0, lt=1, description="error rate whose thresholds answer; one of the bundle's")
]
EveryFace = Annotated[bool, Query(description="score each face, not the main one alone")]


def _in_one_piece(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose one definition stands where it is used: the page of the addresses has other definitions."""
    (definition,) = schema.pop("$defs").values()
    schema["properties"]["images"]["items"] = definition
    return schema


_BINARY = {"type": "string", "format": "binary"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _BINARY},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "array", "items": _BINARY}}}
            },
            "application/json": {"schema": _in_one_piece(JsonImages.model_json_schema())},
        },
    }
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "the request cannot be read"},
    408: {"model": ErrorAnswer, "description": "the request came too slowly"},
    413: {"model": ErrorAnswer, "description": "too many bytes or images"},
    415: {"model": ErrorAnswer, "description": "a form that brings no files"},
    422: {"model": ScoreAnswer, "description": "none of the images could be scored; each says why"},
    500: {"model": ErrorAnswer | ScoreAnswer, "description": "the service failed; its log says why"},
    501: {
        "model": ScoreAnswer,
        "description": "a package that this takes is not installed; the warning says which",
    },
    503: {"model": ErrorAnswer, "description": "no room now; Retry-After says when to try again"},
}
_NOT_THERE: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorAnswer, "description": "there is no such file"}
}
_AS_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "the reasons, or a page"}
}
_NOT_NOW: dict[int | str, dict[str, Any]] = {503: {"model": StateAnswer, "description": "it is not"}}
_PROMETHEUS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format"}
}


def create_app(service: Service) -> FastAPI:
    """The application over a service."""
    app = FastAPI(
        title="faketrace",
        version=software(),
        description="Scores face images: the probability that a face was forged, with what is known of that number.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the host that the request names
    )
    app.state.limits = service.settings.limits
    _add_scoring(app, service)
    if service.settings.images is not None:
        _add_named_images(app, service, service.settings.images)
    _add_state(app, service)
    _add_page(app)
    _add_errors(app)
    paths = {route.path for route in app.routes if hasattr(route, "path")}
    app.add_middleware(Observed, service=service, paths=paths)
    return app


async def _received(service: Service, request: Request) -> list[Upload]:
    body = await read_body(request, service.settings.limits)
    return await uploads(body, request.headers, service.settings.limits)


def _add_scoring(app: FastAPI, service: Service) -> None:
    limits = service.settings.limits

    @app.post("/score", response_model=ScoreAnswer, responses=_ERRORS, openapi_extra=_BODY)
    async def score(
        request: Request, prior: Prior = None, rate: Rate = None, every_face: EveryFace = False
    ) -> Response:
        """Score one image or several: raw bytes, a multipart form, or JSON with base64."""
        policy = service.policy_for(rate=rate, prior=prior)
        refuse_unready(service)
        async with service.holding(declared_bytes(request, limits)):
            images = await _received(service, request)
            results = await service.work_on(images, Work("score", every_face=every_face), request)
            answer = service.answer(images, results, policy, request_id=request.state.request_id)
        return _answered(answer)

    @app.post("/explain", response_model=ExplainAnswer, responses=_ERRORS | _AS_PAGE, openapi_extra=_BODY)
    async def explain(
        request: Request,
        prior: Prior = None,
        rate: Rate = None,
        page: Annotated[bool, Query(description="answer with a page for people instead of JSON")] = False,
    ) -> Response:
        """Score one image and say why."""
        policy = service.policy_for(rate=rate, prior=prior)
        refuse_unready(service)
        async with service.holding(declared_bytes(request, limits)):
            images = await _received(service, request)
            if len(images) > 1:
                raise Refused(
                    413,
                    "too_many_images",
                    f"the request brings {len(images)} images, explained is one at a time",
                )
            (result,) = await service.work_on(images, Work("explain", as_page=page), request)
            answer = service.answer(images, [result], policy, request_id=request.state.request_id)
        if not isinstance(result, Explained):
            return _answered(answer)
        if page:
            return HTMLResponse(result.page)
        return JSONResponse(answer.model_dump() | {"reasons": result.reasons})


def _add_named_images(app: FastAPI, service: Service, root: Path) -> None:
    @app.get("/score", response_model=ScoreAnswer, responses=_ERRORS | _NOT_THERE)
    async def score_path(
        request: Request,
        path: Annotated[str, Query(min_length=1, max_length=4096, description="below the served folder")],
        prior: Prior = None,
        rate: Rate = None,
        every_face: EveryFace = False,
    ) -> Response:
        """Score a file below the folder that the service was started with."""
        policy = service.policy_for(rate=rate, prior=prior)
        refuse_unready(service)
        async with service.holding(service.settings.limits.image):
            data = read_below(root, path, most=service.settings.limits.image)
            images = [(clean_name(path), data)]
            results = await service.work_on(images, Work("score", every_face=every_face), request)
            answer = service.answer(images, results, policy, request_id=request.state.request_id)
        return _answered(answer)


def _answered(answer: ScoreAnswer) -> JSONResponse:
    """200; 422 where not one image could be worked on, 501 or 500 where that was no fault of the images."""
    statuses = {image.status for image in answer.images}
    code = 200 if "ok" in statuses else 422
    if statuses <= {"internal_error", "out_of_memory"}:
        code = 500
    if statuses == {"not_installed"}:
        code = 501
    return JSONResponse(answer.model_dump(), code)


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_model=StateAnswer, responses=_NOT_NOW)
    async def health() -> Response:
        """Whether the service lives: 503 once it has lost every process, and should be started again."""
        alive = service.pool.is_alive
        return JSONResponse({"status": "ok" if alive else "failed"}, 200 if alive else 503)

    @app.get("/ready", response_model=StateAnswer, responses=_NOT_NOW)
    async def ready() -> Response:
        """Whether it takes requests: 503 while it ends."""
        status = "ready" if service.is_ready else "draining" if service.is_draining else "failed"
        return JSONResponse({"status": status}, 200 if service.is_ready else 503)

    @app.get("/version", response_model=VersionAnswer)
    async def versions() -> Response:
        """Which software, model and policy answer, and within which limits."""
        limits, policy, training = service.settings.limits, service.policy, service.info.training
        answer = VersionAnswer(
            software=software(),
            bundle_format=FORMAT,
            model=service.model,
            trained_on=TrainingAnswer(images=training.images, fakes=training.fakes),
            warnings=service.info.warnings,
            policy={"version": policy.version, **vars(policy)},
            limits=LimitsAnswer(
                images=limits.images,
                bytes=limits.body,
                image_bytes=limits.image,
                pixels=min(limits.pixels, service.info.params["manifest"]["max_pixels"]),
            ),
        )
        return JSONResponse(answer.model_dump())

    @app.get("/metrics", response_class=PlainTextResponse, responses=_PROMETHEUS)
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return PlainTextResponse(
            service.telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html", media_type="text/html")

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in PAGE_FILES:
            raise HTTPException(404)
        return FileResponse(PAGE / name, media_type=PAGE_FILES[name])


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return await _error(request, error.status, error.code, error.message)

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        response = await _error(request, 503, "busy", f"no room now; try again in {error.retry_after} s")
        response.headers["retry-after"] = str(error.retry_after)
        return response

    @app.exception_handler(Gone)
    async def gone(request: Request, error: Gone) -> Response:
        return Response(status_code=CLOSED)

    @app.exception_handler(ClientDisconnect)
    async def cut(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=CLOSED)

    @app.exception_handler(ServiceError)
    async def no_rate(request: Request, error: ServiceError) -> Response:
        return await _error(request, 400, "bad_rate", str(error).replace("--", ""))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return await _error(request, 400, "bad_parameter", clean_name(f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        response = await _error(request, error.status_code, "http_error", str(error.detail))
        response.headers.update(error.headers or {})
        return response

    async def _error(request: Request, status: int, code: str, message: str) -> Response:
        await discard_body(request, app.state.limits)
        return JSONResponse({"code": code, "message": message}, status)
