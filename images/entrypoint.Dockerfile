# The image of the entrypoint: one static binary, which Tekton's controller and the webhook expect at
# /ko-app/entrypoint.
#
#   docker build --file images/entrypoint.Dockerfile --tag entrypoint .

FROM docker.io/library/rust:1.95-alpine AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --profile static --target "$(uname -m)-unknown-linux-musl" --package entrypoint \
    && install -D target/*/static/entrypoint /image/ko-app/entrypoint

# `images/build` takes what follows alone, around an image/ of its own.
FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/ko-app/entrypoint"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdpoint entrypoint" \
    org.opencontainers.image.description="PID 1 of every step of a pod: waits for its turn, runs the command, holds it where it failed" \
    org.opencontainers.image.source="https://github.com/holdpoint/holdpoint" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
