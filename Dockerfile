# The image holds one static binary, the authorities it trusts, and its state.
#
#   docker run -p 8080:8080 heliograph run --http :8080 https://www.gazette.example https://gazette.example.net
#   docker run -p 80:80 -p 443:443 -v ./heliograph.yaml:/etc/heliograph/heliograph.yaml:ro -v state:/var/lib/heliograph heliograph
#
# Every step that builds something is a target of the Makefile.

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY Makefile go.mod go.sum ./
RUN make download
COPY . .
ARG VERSION=
RUN make image-root VERSION=$VERSION

FROM scratch
COPY --from=build /src/dist/image/root/ /
COPY --from=build --chown=65532:65532 --chmod=0700 /src/dist/image/state/ /var/lib/heliograph/
# The state home makes /var/lib/heliograph the default of data.
ENV XDG_STATE_HOME=/var/lib
USER 65532:65532
VOLUME /var/lib/heliograph
EXPOSE 80 443 8080
# The admin listener stays on the container's own loopback.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/bin/heliograph", "healthcheck"]
ENTRYPOINT ["/usr/bin/heliograph"]
CMD ["run", "--config", "/etc/heliograph/heliograph.yaml"]
