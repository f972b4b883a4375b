# The server, `textgraft serve`, for a model folder that is mounted at /models; see docs/guide/serving.md.
FROM python:3.11.14-slim-bookworm AS build

COPY requirements-serve.lock /build/
RUN python -m venv /opt/textgraft \
    && /opt/textgraft/bin/pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements-serve.lock
COPY pyproject.toml README.md LICENSE /build/
COPY src /build/src
RUN /opt/textgraft/bin/pip install --no-cache-dir --no-deps --no-build-isolation /build

FROM python:3.11.14-slim-bookworm

RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin textgraft
COPY --from=build /opt/textgraft /opt/textgraft
ENV PATH=/opt/textgraft/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TEXTGRAFT_OFFLINE=1

USER 10001:10001
WORKDIR /models
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of readiness: a model may take a minute to be loaded and checked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["textgraft", "serve"]
CMD ["--help"]
