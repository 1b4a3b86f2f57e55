ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# The dependencies rarely change, so they have a layer of their own.
COPY pyproject.toml requirements.txt /src/
RUN python -m venv --without-pip /opt/weatherd \
 && python -c 'import tomllib; p = tomllib.load(open("/src/pyproject.toml", "rb"))["project"]; o = p["optional-dependencies"]; print(*p["dependencies"], *o["mqtt"], *o["notify"], *o["postgres"], sep="\n")' >/src/needs.txt \
 && pip --python /opt/weatherd/bin/python install --no-cache-dir --constraint /src/requirements.txt --requirement /src/needs.txt
COPY README.md LICENSE /src/
COPY packaging/systemd /src/packaging/systemd
COPY config /src/config
COPY weatherd /src/weatherd
RUN pip --python /opt/weatherd/bin/python install --no-cache-dir --no-deps /src

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="weatherd" \
      org.opencontainers.image.description="Daemon that records the current weather for a list of cities" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/weatherd /opt/weatherd
RUN install --directory --owner 65534 --group 65534 --mode 0700 /var/lib/weatherd
# The console output is off because the log has every observation as JSON. The demo prints them nevertheless.
ENV PATH=/opt/weatherd/bin:$PATH PYTHONUNBUFFERED=1 STATE_DIRECTORY=/var/lib/weatherd \
    WEATHERD_CONSOLE__ENABLED=false WEATHERD_HTTP__PORT=8080
VOLUME /var/lib/weatherd
EXPOSE 8080
USER 65534:65534
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["weatherd", "health"]
ENTRYPOINT ["weatherd"]
CMD ["run"]
