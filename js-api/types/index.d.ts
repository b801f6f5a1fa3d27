// The declarations of everything an inrush script can import, and of its globals.
// One file per importable module; this file only gathers them.

/// <reference path="./globals.d.ts" />
/// <reference path="./web-crypto.d.ts" />
/// <reference path="./k6.d.ts" />
/// <reference path="./k6-html.d.ts" />
/// <reference path="./k6-http.d.ts" />
/// <reference path="./k6-metrics.d.ts" />
/// <reference path="./k6-data.d.ts" />
/// <reference path="./k6-execution.d.ts" />
/// <reference path="./k6-encoding.d.ts" />
/// <reference path="./k6-crypto.d.ts" />
/// <reference path="./k6-crypto-x509.d.ts" />
/// <reference path="./k6-experimental-csv.d.ts" />
/// <reference path="./k6-experimental-fs.d.ts" />
/// <reference path="./k6-experimental-streams.d.ts" />
/// <reference path="./k6-secrets.d.ts" />
/// <reference path="./k6-timers.d.ts" />
/// <reference path="./k6-net-grpc.d.ts" />
/// <reference path="./k6-options.d.ts" />
/// <reference path="./k6-x-llm.d.ts" />
/// <reference path="./k6-x-redis.d.ts" />
/// <reference path="./k6-websockets.d.ts" />
/// <reference path="./k6-ws.d.ts" />
/// <reference path="./k6-x-sse.d.ts" />
/// <reference path="./inrush-ai.d.ts" />
/// <reference path="./inrush-data.d.ts" />
/// <reference path="./inrush-scenarios.d.ts" />
