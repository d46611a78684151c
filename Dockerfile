# Three images from one file:
#   docker build --target bot    -t matinee-bot .       the chat: no Java, no Spark
#   docker build --target api    -t matinee-api .       the same over HTTP: no Java, no Spark
#   docker build --target engine -t matinee-engine .    training, scoring, and every other `python -m engine` verb
# To install Python packages from an index of your own, add --build-arg PIP_INDEX_URL=…

ARG PYTHON=python:3.12-slim-bookworm


# The base of all images. The program writes only to /data and /tmp.
FROM ${PYTHON} AS base
# Debian keeps no older versions of a package that could be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 matinee \
    && useradd --uid 10001 --gid matinee --home-dir /data --no-create-home --shell /usr/sbin/nologin matinee \
    && install -d -o matinee -g matinee /data
ENV PATH=/opt/matinee/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MATINEE_HOME=/data
WORKDIR /app
STOPSIGNAL SIGTERM
LABEL org.opencontainers.image.licenses="MIT"


# Packages are installed before the program is copied, so that a change of the program does not install them again.
FROM ${PYTHON} AS bot-packages
ARG PIP_INDEX_URL
COPY requirements/bot.txt /requirements/
RUN python -m venv --without-pip /opt/matinee \
    && pip --python /opt/matinee/bin/python install --no-cache-dir --require-hashes -r /requirements/bot.txt \
    && find /opt/matinee/lib -type d -name tests -prune -exec rm -r {} +


FROM base AS bot
COPY --from=bot-packages /opt/matinee /opt/matinee
COPY engine/ engine/
COPY bot/ bot/
RUN python -m compileall -q --invalidation-mode unchecked-hash engine bot
LABEL org.opencontainers.image.title="Matinee's bot" \
      org.opencontainers.image.description="A movie recommender that people talk to on Telegram."
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "bot", "healthcheck"]
ENTRYPOINT ["tini", "--", "python", "-m", "bot"]
CMD ["run"]


FROM ${PYTHON} AS api-packages
ARG PIP_INDEX_URL
COPY requirements/api.txt /requirements/
RUN python -m venv --without-pip /opt/matinee \
    && pip --python /opt/matinee/bin/python install --no-cache-dir --require-hashes -r /requirements/api.txt \
    && find /opt/matinee/lib -type d -name tests -prune -exec rm -r {} +


FROM base AS api
COPY --from=api-packages /opt/matinee /opt/matinee
COPY engine/ engine/
COPY api/ api/
RUN python -m compileall -q --invalidation-mode unchecked-hash engine api
# The API must be reachable from outside the container; its keys control access.
ENV MATINEE_API_HOST=0.0.0.0
LABEL org.opencontainers.image.title="Matinee's API" \
      org.opencontainers.image.description="A movie recommender over HTTP."
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "api", "healthcheck"]
ENTRYPOINT ["tini", "--", "python", "-m", "api"]
CMD ["serve"]


FROM ${PYTHON} AS engine-packages
ARG PIP_INDEX_URL
COPY requirements/build.txt requirements/engine.txt /requirements/
ENV PIP_REQUIRE_HASHES=1 PIP_NO_CACHE_DIR=1
# pyspark comes as source. By default, pip would build it with the newest setuptools.
RUN python -m venv --without-pip /opt/matinee \
    && sed -n '/^pyspark==/,/[^\\]$/p' /requirements/engine.txt >/requirements/pyspark.txt \
    && pip --python /opt/matinee/bin/python install -r /requirements/build.txt \
    && pip --python /opt/matinee/bin/python install --no-deps --no-build-isolation -r /requirements/pyspark.txt \
    && pip --python /opt/matinee/bin/python install -r /requirements/engine.txt \
    && pip --python /opt/matinee/bin/python uninstall --yes setuptools wheel \
    && find /opt/matinee/lib -type d -name tests -prune -exec rm -r {} +
# 200 of Spark's 490 MB are parts that we do not use: its Connect server, Hive, Kubernetes, the state of streaming
# queries. tests/system/test_containers.py trains without them, here and on a cluster.
WORKDIR /opt/matinee/lib/python3.12/site-packages/pyspark
RUN rm -r examples data jars/connect-repl \
        jars/spark-connect_* jars/rocksdbjni-* \
        jars/spark-kubernetes_* jars/kubernetes-* jars/volcano-* jars/vertx-* \
        jars/spark-hive* jars/hive-[!s]* jars/hive-s[!t]* jars/derby* jars/datanucleus-* \
        jars/*-osx-* jars/*-windows-*


FROM base AS engine
# libgomp is implicit's. Java's package wants a place for manual pages, which slim images lack.
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 \
    && apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 openjdk-17-jre-headless \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY --from=engine-packages /opt/matinee /opt/matinee
COPY alembic.ini ./
COPY migrations/ migrations/
COPY engine/ engine/
RUN python -m compileall -q --invalidation-mode unchecked-hash migrations engine
# Compile the solver for this kind of processor: on another kind it is compiled in memory, within seconds. Write an
# archive of Java's classes (190 MB), with which Spark starts faster.
ENV NUMBA_CACHE_DIR=/opt/matinee/kernel \
    NUMBA_CACHE_LOCATOR_CLASSES=engine.learning.compiled.SharedFolder
RUN python -c 'import engine.learning.solver' && python -m engine.spark.classes
LABEL org.opencontainers.image.title="Matinee's engine" \
      org.opencontainers.image.description="Learns what people like with Spark, and publishes it for Matinee's bot."
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "engine", "healthcheck"]
# tini reaps a Java process whose parent was killed.
ENTRYPOINT ["tini", "--", "python", "-m", "engine"]
CMD ["serve"]
