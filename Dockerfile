# The image holds the static binary and the certificates of public authorities, and nothing else. Two targets:
#
#   docker build -t entrepot .                  knows the registries that the stage "addresses" finds
#   docker build -t entrepot --target bare .    is told them: -e ENTREPOT_PUBLIC_NPMJS_URL=… and so on
#
#   docker run -p 8470:8470 -v entrepot:/data entrepot

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=development
RUN mkdir -p /out/data && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.release=$VERSION" -o /out/entrepot ./cmd/entrepot

# No address of a registry stands in the sources. The clients know them, so this stage installs clients and asks. Behind
# a mirror, configure them here (a .npmrc, a pip.conf …), and the image goes through the mirror.
FROM build AS addresses
RUN apt-get update && \
    apt-get install -qy --no-install-recommends npm python3-pip cargo maven && \
    rm -rf /var/lib/apt/lists/*
RUN CGO_ENABLED=0 go run ./cmd/entrepot init --output /out/entrepot.hcl

FROM scratch AS bare
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /out/entrepot /entrepot
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV ENTREPOT_DATA=/data ENTREPOT_LISTEN=0.0.0.0:8470
VOLUME /data
EXPOSE 8470
HEALTHCHECK --start-period=10s CMD ["/entrepot", "doctor", "--quiet"]
ENTRYPOINT ["/entrepot"]
CMD ["serve"]

FROM bare
COPY --from=addresses /out/entrepot.hcl /etc/entrepot/entrepot.hcl
ENV ENTREPOT_CONFIG=/etc/entrepot/entrepot.hcl
