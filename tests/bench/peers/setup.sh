#!/bin/sh
# Installs the peers that scripts/bench does not need, for measurements by hand.
set -e
cd "$(dirname "$0")"
apt-get install -y -qq --no-install-recommends nginx-light libnginx-mod-nchan nats-server >/dev/null
npm install --no-audit --no-fund --omit=optional --no-save \
  socket.io@4.8.4 ws@8.23.0 @soketi/soketi@1.6.1 "uWebSockets.js@npm:@trufflesuite/uws-js-unofficial@20.30.0-unofficial.0"
