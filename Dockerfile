FROM python:3.13-slim-bookworm AS build
COPY . /src
RUN python -m venv /opt/weatherd && /opt/weatherd/bin/pip install --no-cache-dir --constraint /src/requirements.txt '/src[mqtt,postgres]'

FROM python:3.13-slim-bookworm
COPY --from=build /opt/weatherd /opt/weatherd
RUN install --directory --owner 65534 --group 65534 --mode 0700 /var/lib/weatherd
ENV PATH=/opt/weatherd/bin:$PATH PYTHONUNBUFFERED=1 STATE_DIRECTORY=/var/lib/weatherd
VOLUME /var/lib/weatherd
USER 65534:65534
STOPSIGNAL SIGTERM
ENTRYPOINT ["weatherd"]
CMD ["run"]
