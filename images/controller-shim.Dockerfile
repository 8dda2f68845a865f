# The image of the admission webhook: one static binary.
#
#   docker build --file images/controller-shim.Dockerfile --tag controller-shim .

FROM docker.io/library/rust:1.95-alpine AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --profile server --target "$(uname -m)-unknown-linux-musl" --package controller-shim \
    && install -D target/*/server/controller-shim /image/controller-shim

# `images/build` takes what follows alone, around an image/ of its own.
FROM scratch
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/controller-shim"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdpoint controller shim" \
    org.opencontainers.image.description="The admission webhook that puts the Holdpoint entrypoint into pods" \
    org.opencontainers.image.source="https://github.com/holdpoint/holdpoint" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
