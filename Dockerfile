# The packages of Pipfile.lock, into /app/.venv; pipenv and its own packages stay in this stage.
FROM python:3.13-slim AS packages
ENV PIPENV_VENV_IN_PROJECT=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
RUN pip install --no-cache-dir pipenv==2026.10.3
WORKDIR /app
COPY Pipfile Pipfile.lock ./
# Only the category packages; a lock that no longer fits the Pipfile stops the build. Nothing is installed after it, so
# pip goes.
RUN pipenv install --deploy && .venv/bin/python -m pip uninstall --quiet --yes pip

FROM python:3.13-slim
RUN pip uninstall --quiet --yes --root-user-action=ignore pip \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin app
# METRICS_PORT is what the health check asks; on its own, it is reached from inside of the container only.
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 METRICS_PORT=9464
WORKDIR /app
COPY --from=packages /app/.venv ./.venv
COPY app.py ./
COPY metrics ./metrics
# Root's, and readable for any user, whatever the umask of the checkout was. Compiled here, with what it needs of the
# standard library, which the base image ships without: the user who runs it may not write, and would compile it all at
# every start and every health check.
RUN chmod -R a+rX,go-w app.py metrics \
    && export PYTHONDONTWRITEBYTECODE= \
    && python -m compileall -q metrics \
    && python -c 'import metrics.monitoring.container, metrics.frames.monitoring.serving, metrics.frames.commands.main_job, metrics.frames.web.system, metrics.application.serve' \
    && python -c 'import metrics.catalogue.commands.load, metrics.catalogue.commands.query, metrics.catalogue.web.system' \
    && python -c 'import metrics.views.commands.count, metrics.views.web.system' \
    && python -c 'import metrics.harvest.commands.running, metrics.harvest.web.system' \
    && python -c 'import metrics.catalogue.collect.ftp, metrics.catalogue.collect.http, metrics.catalogue.collect.s3'
# By number, so that a cluster can see that it is not root.
USER 10001:10001

HEALTHCHECK --interval=20s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "metrics.monitoring.container"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "app.py"]
