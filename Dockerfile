# The gateway: one image for its API, its worker, its migration and the stand-ins. docs/howto/run-with-docker-compose.md

# Builds the environment: pip and its cache stay here. Python is the version that the tests run on.
FROM python:3.11.14-slim-bookworm AS environment
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock /build/
RUN python -m venv /opt/threeway && \
    /opt/threeway/bin/pip install --require-hashes --no-deps -r /build/requirements.lock && \
    /opt/threeway/bin/pip uninstall --yes pip

# What the dashboard's pages load, by the hashes of its lock; no script of a package runs.
FROM node:20.19.5-bookworm-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11.14-slim-bookworm AS gateway
ENV PATH=/opt/threeway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    THREEWAY_CONFIG_DIR=/app/config \
    THREEWAY_DATA_DIR=/data \
    THREEWAY_HOST=0.0.0.0 \
    THREEWAY_LOG_FORMAT=json
# A fixed number, so that volumes and file systems of the cloud can be given to it; it owns its data and nothing else.
RUN groupadd --gid 10001 threeway && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin threeway && \
    install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=environment /opt/threeway /opt/threeway
COPY --from=assets /build/node_modules /app/node_modules
WORKDIR /app
COPY deploy/threeway /usr/local/bin/threeway
COPY alembic.ini cli.py worker.py ./
COPY activities activities
COPY adapters adapters
COPY api api
COPY config config
COPY console console
COPY domain domain
COPY runtime runtime
COPY store store
COPY twins twins
COPY workflows workflows
# Compiled once here, as the code cannot be written to where it runs.
RUN python -m compileall -q /app && threeway --help >/dev/null
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["threeway"]
CMD ["api"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "runtime.healthy", "api"]
