# Everything in Python, one target each: broker, worker, adapter, kit-broker, kit. The context is the repository.
#
#   BASE   Python 3.11 or newer with pip; or Debian 12, whose own Python packages are taken then
#
# The sources are run where they lie: an image is one base, one layer of packages, and one of ours.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS sdk
ENV PYTHONPATH=/opt/parley/python/src PYTHONUNBUFFERED=1
COPY compose/install /opt/parley/compose/install
COPY python/pyproject.toml /opt/parley/python/pyproject.toml
RUN /opt/parley/compose/install /opt/parley/python/pyproject.toml \
    && useradd --uid 10001 --create-home parley
WORKDIR /home/parley

FROM sdk AS broker
RUN /opt/parley/compose/install /opt/parley/python/pyproject.toml broker \
    && mkdir /data && chown parley /data
COPY python/src/parley_wire /opt/parley/python/src/parley_wire
COPY python/src/parley_broker /opt/parley/python/src/parley_broker
RUN python3 -m compileall -q /opt/parley
USER parley
ENV PARLEY_BROKER_LISTEN=0.0.0.0:50051 PARLEY_BROKER_DATA=/data
VOLUME /data
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=3 CMD ["python3", "-m", "parley_broker", "health"]
ENTRYPOINT ["python3", "-m", "parley_broker"]
CMD ["serve"]

# The examples' programs: which one is the command's to say. A worker has no health of its own to ask for: the broker
# knows whether it is there, and a worker that cannot reach it ends.
FROM sdk AS worker
COPY python/src/parley_wire /opt/parley/python/src/parley_wire
COPY python/src/parley /opt/parley/python/src/parley
COPY examples /opt/parley/examples
RUN python3 -m compileall -q /opt/parley
USER parley
HEALTHCHECK NONE
ENTRYPOINT ["python3"]

# The Python SDK under test.
FROM sdk AS adapter
COPY python/src/parley_wire /opt/parley/python/src/parley_wire
COPY python/src/parley /opt/parley/python/src/parley
COPY conformance/adapters/python /opt/parley/conformance/adapters/python
COPY conformance/vectors /opt/parley/conformance/vectors
RUN python3 -m compileall -q /opt/parley
USER parley
HEALTHCHECK NONE
ENTRYPOINT ["python3", "/opt/parley/conformance/adapters/python/adapter.py"]

# The broker under test: behind its launcher, without a health check that would cost the kit's machine time.
FROM broker AS kit-broker
COPY conformance/src/parley_conformance/reference_broker.py /opt/parley/reference_broker.py
HEALTHCHECK NONE
ENTRYPOINT ["python3", "/opt/parley/reference_broker.py"]

# The kit with its recorder: neither SDK nor broker is in it.
FROM sdk AS kit
COPY conformance/pyproject.toml /opt/parley/conformance/pyproject.toml
RUN /opt/parley/compose/install /opt/parley/conformance/pyproject.toml containers
COPY python/src/parley_wire /opt/parley/python/src/parley_wire
COPY proto/SPEC.md /opt/parley/proto/SPEC.md
COPY conformance /opt/parley/conformance
ENV PYTHONPATH=/opt/parley/python/src:/opt/parley/conformance/src
RUN python3 -m compileall -q /opt/parley && mkdir /out && chown parley /out
USER parley
HEALTHCHECK NONE
ENTRYPOINT ["python3", "-m", "parley_conformance.cli"]
CMD ["--help"]
