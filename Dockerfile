# faketrace as an image, with the code that trains: docker run IMAGE serve|predict|explain|bundle|repro …
#   docker build -t faketrace .                            torch's CPU build
#   docker build -t faketrace --build-arg TORCH=cuda .     for NVIDIA GPUs (docker run --gpus all)
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS packages
ARG TORCH=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /build
COPY requirements.lock docker/install ./
RUN TORCH_INDEX="${TORCH_INDEX}" sh ./install /opt/faketrace "${TORCH}"

FROM python:${PYTHON}-slim-bookworm
RUN useradd --create-home --uid 10001 faketrace \
    && mkdir -p /faketrace/.dvc /faketrace/cache /faketrace/data/weights /faketrace/reports /model \
    && chown -R faketrace /faketrace
COPY --from=packages /opt/faketrace /opt/faketrace
ENV PATH=/opt/faketrace/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_WAIT_POLICY=passive
WORKDIR /faketrace
COPY docker/entrypoint /usr/local/bin/faketrace
COPY --chown=faketrace setup.cfg pyproject.toml README.md LICENSE dvc.yaml .dvcignore params.yaml ./
COPY --chown=faketrace .dvc/config .dvc/config
COPY --chown=faketrace recipes recipes
COPY --chown=faketrace features features
COPY --chown=faketrace models models
COPY --chown=faketrace pipeline pipeline
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["sh", "/usr/local/bin/faketrace"]
CMD ["serve", "--bundle", "/model", "--host", "0.0.0.0"]
