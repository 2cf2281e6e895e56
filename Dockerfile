# The packages of Pipfile.lock, into /app/.venv; pipenv and its own packages stay in this stage.
FROM python:3.13-slim AS packages
ENV PIPENV_VENV_IN_PROJECT=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
RUN pip install --no-cache-dir pipenv==2026.10.3
WORKDIR /app
COPY Pipfile Pipfile.lock ./
# The development packages stay out; a lock that no longer fits the Pipfile stops the build.
RUN pipenv install --deploy

FROM python:3.13-slim
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin app
WORKDIR /app
COPY --from=packages /app/.venv ./.venv
COPY --chown=app:app app.py ./
COPY --chown=app:app metrics ./metrics
# By number, so that a cluster can see that it is not root.
USER 10001:10001

HEALTHCHECK --interval=20s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "metrics.kafka.health"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "app.py"]
