# photosearch as `pip install .` gives it, without its extras: docs/install.md, "In a container".

FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
# The lock is for x86-64; elsewhere the same versions without its checksums. What was needed to build
# stays behind, and so does pip: nothing is installed in a container that runs.
RUN python -m venv /opt/photosearch \
    && export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH="/opt/photosearch/bin:$PATH" \
    && if [ "$(uname -m)" = x86_64 ]; then \
        pip install --require-hashes --requirement scripts/lock-light.txt; \
    else \
        pip install --constraint scripts/constraints.txt "setuptools>=77" .; \
    fi \
    && pip install --no-deps --no-build-isolation . \
    && pip uninstall --yes setuptools pip

FROM python:3.11-slim
COPY --from=build /opt/photosearch /opt/photosearch
# Everybody may enter: `docker run --user` names whoever may read the photos.
RUN useradd --uid 1000 --home-dir /library --shell /usr/sbin/nologin photosearch \
    && install --directory --owner=photosearch --mode=0777 /library \
    && install --directory /photos
ENV PATH=/opt/photosearch/bin:$PATH \
    HOME=/library \
    LANG=C.UTF-8 \
    PHOTOSEARCH_LIBRARY=/library \
    PHOTOSEARCH_CACHE=/library/cache
USER 1000
WORKDIR /photos
VOLUME ["/library"]
EXPOSE 8420
ENTRYPOINT ["photosearch"]
CMD ["--help"]
