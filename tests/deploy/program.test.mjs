// Is what deploy/ says of hubbub true? The binary is asked.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import test from "node:test";

import { container, documents, environment, inRoot, overlays, pick, render, seconds, setting, text } from "./support/manifests.mjs";
import { binary, coming, eventually, flagsOf, hasMetric, labelsOf, namesInProgram, request, run, start, temporaryDirectory, unknownVariables, within } from "./support/program.mjs";
import { asksFor, groupings } from "./support/promql.mjs";
import { natsOperator } from "./support/nats_operator.mjs";
import { authorization, users } from "../integration/support/permissions.mjs";

const toml = (overlay) => pick(render(overlay), "ConfigMap", "hubbub-config").data["hubbub.toml"];
const [compose] = documents(text("deploy/compose/compose.yaml"));

test("every flag and variable that a manifest, the compose file or the Dockerfile names is one of the program's", async () => {
  const flags = await flagsOf("serve");
  const variables = new Set();
  for (const overlay of overlays) {
    const deployment = pick(render(overlay), "Deployment");
    const [command, ...args] = container(deployment).args;
    assert.equal(command, "serve");
    for (const flag of args.filter((arg) => arg.startsWith("-"))) assert.ok(flags.has(flag), flag);
    for (const name of Object.keys(environment(deployment))) variables.add(name);
  }
  for (const file of ["deploy/compose/compose.yaml", "deploy/Dockerfile", "deploy/try_dockerfile", "docs/kubernetes.md"])
    for (const [name] of text(file).matchAll(/\bHUBBUB_[A-Z0-9_]+\b/g)) variables.add(name);
  const ours = [...variables].filter((name) => name.startsWith("HUBBUB_"));
  assert.ok(ours.length >= 8);
  assert.deepEqual(await unknownVariables(ours), []);
  assert.deepEqual(await unknownVariables(["HUBBUB_ADMIM_KEYS"]), ["HUBBUB_ADMIM_KEYS"]);
  // The other is NATS'.
  assert.deepEqual([...variables].filter((name) => !name.startsWith("HUBBUB_")).sort(), ["NATS_PASSWORD"]);
});

test("every configuration file is right", async (t) => {
  const folder = temporaryDirectory(t);
  const files = { compose: text("deploy/compose/hubbub.toml"), ...Object.fromEntries(overlays.map((o) => [o, toml(o)])) };
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, `${name}.toml`);
    writeFileSync(file, content);
    const { code, stderr, stdout } = await run(["check-config", file]);
    assert.equal(code, 0, `${name}: ${stdout}${stderr}`);
  }
});

test("without flags the program listens where the Dockerfile says", async (t) => {
  const dockerfile = text("deploy/Dockerfile");
  const [, ...ports] = /^EXPOSE (\d+) (\d+)$/m.exec(dockerfile);
  // In a network of its own, so that the ports are free, and as PID 1, as the image starts it.
  const apart = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  if (spawnSync("unshare", [...apart, "true"]).status !== 0) return t.skip("this machine gives nobody namespaces of their own");
  const child = spawn("unshare", [...apart, binary, "serve"],
    { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HUBBUB_AUTH_ANONYMOUS: "true", HUBBUB_DRAIN_GRACE: "0s", HUBBUB_DRAIN_DEADLINE: "5s" } });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => { said += part; });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  await eventually(() => /^hubbub: admin on/m.test(said) || child.exitCode !== null, "where it listens");
  assert.match(said, new RegExp(`^hubbub: listening on http://0\\.0\\.0\\.0:${ports[0]}$`, "m"));
  assert.match(said, new RegExp(`^hubbub: admin on http://127\\.0\\.0\\.1:${ports[1]}$`, "m"));
  assert.match(dockerfile, new RegExp(`"http://127\\.0\\.0\\.1:${ports[1]}/healthz"\\]$`, "m"));
  for (const overlay of overlays)
    assert.deepEqual(container(pick(render(overlay), "Deployment")).ports.map((p) => String(p.containerPort)), ports);
  // SIGTERM means nothing to a PID 1 that does not ask for it.
  const [inner] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
  assert.match(readFileSync(`/proc/${inner}/status`, "utf8"), /^NSpid:\t\d+\t1$/m);
  process.kill(Number(inner), "SIGTERM");
  assert.deepEqual(await within(20_000, ended, "the end after SIGTERM"), { code: 0, signal: null });
});

/** Starts a nats-server with this configuration, on a free port of 127.0.0.1; resolves with the port. */
async function startNats(t, configuration, env = {}) {
  const folder = temporaryDirectory(t);
  const port = await new Promise((resolve, reject) => {
    const probe = net.createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port: free } = probe.address();
      probe.close(() => resolve(free));
    });
  });
  const file = path.join(folder, "nats.conf");
  writeFileSync(file, configuration(folder, port));
  const child = spawn("nats-server", ["-c", file], { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH, ...env } });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (part) => { said += part; });
  t.after(async () => {
    child.kill("SIGKILL");
    await eventually(() => child.exitCode !== null || child.signalCode !== null, "the end of nats-server");
  });
  await eventually(() => said.includes("Server is ready") || child.exitCode !== null, "nats-server is ready");
  assert.match(said, /Server is ready/);
  return { port, folder, kill: () => child.kill("SIGKILL") };
}

/** What an operator's Secrets hold, as files and variables: `{value(name, key), folder}`. */
function secrets(t) {
  const folder = temporaryDirectory(t);
  const all = documents(execFileSync(inRoot("deploy/kubernetes/new-secrets"), { encoding: "utf8" }));
  const value = (name, key) => Buffer.from(all.find((s) => s.metadata.name === name).data[key], "base64").toString();
  for (const secret of all) {
    mkdirSync(path.join(folder, secret.metadata.name));
    for (const key of Object.keys(secret.data)) writeFileSync(path.join(folder, secret.metadata.name, key), value(secret.metadata.name, key));
  }
  return { value, folder };
}

/** The variables of a Deployment's container, with the Secrets' values. */
function variables(deployment, secret) {
  const env = {};
  for (const one of container(deployment).env) {
    if (one.valueFrom?.fieldRef) env[one.name] = "hubbub-5d9c7b-x2x4z";
    else if (one.valueFrom) env[one.name] = secret.value(one.valueFrom.secretKeyRef.name, one.valueFrom.secretKeyRef.key);
    else env[one.name] = one.value.replaceAll(/\$\(([A-Z_]+)\)/g, (_, name) => env[name]);
  }
  for (const name of coming) delete env[name];
  for (const name of ["HUBBUB_CONFIG", "HUBBUB_NODE"]) delete env[name];
  return env;
}

/** nats.conf as it stands, but for one server alone, here, and of Debian's version. */
const alone = (conf) => (folder, port) => conf
  .replace(/^port: 4222$/m, `listen: 127.0.0.1:${port}`)
  .replace(/^http_port: 8222$/m, "")
  .replace(/^pid_file: .*$/m, "")
  .replace("store_dir: /data", `store_dir: "${folder}/store"`)
  .replace(/^ {2}sync_interval: always$/m, "")
  .replace(/^cluster \{[^}]*\}$/m, "");

for (const [name, conf] of [["deploy/compose", () => text("deploy/compose/nats.conf")], ["cluster", () => pick(render("cluster"), "ConfigMap", "nats-config").data["nats.conf"]]]) {
  test(`${name}: a node starts with what is configured, NATS lets it do all it has to, no key is in its log, and without NATS it is alive and not ready`, async (t) => {
    const secret = secrets(t);
    const env = name === "cluster" ? variables(pick(render("cluster"), "Deployment"), secret)
      : { HUBBUB_NATS: compose["x-environment"].HUBBUB_NATS.replaceAll(/\$\{NATS_PASSWORD[^}]*\}/g, secret.value("hubbub-nats", "password")),
          HUBBUB_ADMIN_KEYS: secret.value("hubbub-admin-keys", "keys") };
    const password = secret.value("hubbub-nats", "password");
    const { port, kill } = await startNats(t, alone(conf()), { POD_NAME: "nats-0", NATS_PASSWORD: password, NATS_ADMIN_PASSWORD: secret.value("hubbub-nats-admin", "password") });
    const urls = env.HUBBUB_NATS.split(",");
    assert.equal(urls.length, 3);
    for (const url of urls) assert.match(url, new RegExp(`^nats://hubbub:${password}@nats-[0-3](\\.nats)?:4222$`));
    const config = (name === "cluster" ? toml("cluster") : text("deploy/compose/hubbub.toml")).replaceAll(/\/etc\/hubbub\/(token-keys|ticket-keys)/g, `${secret.folder}/hubbub-$1`);
    const node = await start(t, { config, env: { ...env, HUBBUB_NATS: `nats://hubbub:${password}@127.0.0.1:${port}`, HUBBUB_NATS_REPLICAS: "1" } });
    await eventually(async () => (await node.ask("/readyz")).status === 200, "/readyz");
    assert.equal((await node.ask("/healthz")).status, 200);

    assert.doesNotMatch(node.stderr, /ticket_keys/, "it gives tickets");
    assert.equal((await node.ask("/metrics")).status, 401);
    const bearer = (key) => ({ headers: { authorization: `Bearer ${key}` } });
    const metricsKey = secret.value("hubbub-admin-keys", "metrics-key");
    const shown = async (metric) => Number(new RegExp(`^${metric} (\\S+)$`, "m").exec((await node.ask("/metrics", bearer(metricsKey))).text)?.[1]);
    assert.deepEqual([await shown("hubbub_ready"), await shown("hubbub_log_answers")], [1, 1]);
    assert.ok(Math.abs(await shown("process_start_time_seconds") - Date.now() / 1000) < 60);
    const drain = (key) => seconds(setting(config, `drain.${key}`));
    assert.deepEqual([await shown("hubbub_drain_seconds"), await shown("hubbub_drain_deadline_seconds")], [drain("grace") + 3, drain("deadline")]);
    const [operator] = secret.value("hubbub-admin-keys", "keys").split(",");
    const answer = await node.ask("/v1/publish", { method: "POST", body: '{"room":"chat.1","type":"message","data":1}', ...bearer(operator) });
    assert.equal(answer.status, 200, answer.text);
    const { events } = (await node.ask("/v1/rooms/chat.1/history", bearer(operator))).json();
    assert.deepEqual(events.map((event) => event.data), [1]);

    kill();
    await eventually(async () => (await node.ask("/readyz")).status === 503, "/readyz says no", 20_000);
    assert.deepEqual([await shown("hubbub_ready"), await shown("hubbub_log_answers")], [0, 0]);
    assert.equal((await node.ask("/healthz")).status, 200);
    const sealing = secret.value("hubbub-ticket-keys", "current.key").trim();
    for (const key of [password, metricsKey, operator, sealing]) assert.ok(!node.stderr.includes(key));
  });
}

test("nats-server takes both configurations, all but what Debian's is too old for", (t) => {
  const file = path.join(temporaryDirectory(t), "nats.conf");
  for (const conf of [text("deploy/compose/nats.conf"), pick(render("cluster"), "ConfigMap", "nats-config").data["nats.conf"]]) {
    writeFileSync(file, conf.replace(/^ {2}sync_interval: always$/m, ""));
    const { status, stderr } = spawnSync("nats-server", ["-t", "-c", file], { encoding: "utf8", env: { PATH: process.env.PATH, POD_NAME: "nats-0", NATS_PASSWORD: "p1", NATS_ADMIN_PASSWORD: "p2" } });
    assert.equal(status, 0, stderr);
  }
});

test("dev: a node starts with what is configured, and everybody may join", async (t) => {
  const config = toml("dev").replace("/var/lib/hubbub", path.join(temporaryDirectory(t), "log"));
  const node = await start(t, { config, env: variables(pick(render("dev"), "Deployment")) });
  await eventually(async () => (await node.ask("/readyz")).status === 200, "/readyz");
  assert.equal((await request(`${node.url}/healthz`)).status, 200);
  const { mountPath } = container(pick(render("dev"), "Deployment")).volumeMounts.find((mount) => mount.name === "log");
  assert.ok(toml("dev").includes(`data_dir = "${mountPath}"`));
});

test("production: NATS is spoken to by TLS and with credentials, and only if the named authority has signed its certificate", async (t) => {
  const folder = temporaryDirectory(t);
  const openssl = (...args) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem");
  openssl("req", ...newKey, "-subj", "/CN=localhost", "-keyout", "nats.key", "-out", "nats.csr");
  writeFileSync(path.join(folder, "names"), "subjectAltName=DNS:localhost\n");
  openssl("x509", "-req", "-in", "nats.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "nats.pem");
  const { hubbub } = users(authorization(text("docs/operations.md")));
  const operator = natsOperator({ pub: { allow: hubbub.publish }, sub: { allow: hubbub.subscribe } });
  const { port } = await startNats(t, (where, free) => `listen: 127.0.0.1:${free}\njetstream { store_dir: "${where}/store" }
tls { cert_file: "${folder}/nats.pem", key_file: "${folder}/nats.key" }\n${operator.configuration}`);
  writeFileSync(path.join(folder, "nats.creds"), operator.credentials);
  writeFileSync(path.join(folder, "others.creds"), natsOperator({}).credentials);
  const secret = secrets(t);
  const config = toml("production").replaceAll(/\/etc\/hubbub\/(token-keys|ticket-keys)/g, `${secret.folder}/hubbub-$1`);
  const { HUBBUB_NATS, HUBBUB_NATS_TLS_CA, HUBBUB_NATS_CREDENTIALS, ...env } = variables(pick(render("production"), "Deployment"), secret);
  for (const url of HUBBUB_NATS.split(",")) assert.match(url, /^tls:\/\/[^@]+:4222$/);
  const mounted = "/etc/hubbub/nats/";
  assert.ok(HUBBUB_NATS_TLS_CA.startsWith(mounted) && HUBBUB_NATS_CREDENTIALS.startsWith(mounted));
  const more = { ...env, HUBBUB_NATS: `tls://localhost:${port}`, HUBBUB_NATS_REPLICAS: "1", HUBBUB_NATS_CREDENTIALS: path.join(folder, "nats.creds") };
  const node = await start(t, { config, env: { ...more, HUBBUB_NATS_TLS_CA: path.join(folder, "ca.pem") } });
  await eventually(async () => (await node.ask("/readyz")).status === 200, "/readyz");
  await assert.rejects(start(t, { config, env: { ...more, HUBBUB_NATS_TLS_CA: path.join(folder, "nats.csr") } }), /nats\.tls_ca: .*nats\.csr holds no certificate/);
  await assert.rejects(start(t, { config, env: { ...more, HUBBUB_NATS_TLS_CA: path.join(folder, "nats.pem") } }), /its certificate is not accepted: /);
  await assert.rejects(start(t, { config, env: { ...more, HUBBUB_NATS_TLS_CA: path.join(folder, "ca.pem"), HUBBUB_NATS_CREDENTIALS: path.join(folder, "others.creds") } }), /credentials/);
});

/** Every expression of PromQL, with where it stands. */
function* expressions() {
  const plain = (expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$namespace", "hubbub");
  for (const rule of pick(render("production"), "PrometheusRule").spec.groups.flatMap((group) => group.rules)) yield [rule.alert, rule.expr];
  const dashboard = JSON.parse(pick(render("production"), "ConfigMap", "hubbub-dashboard").data["hubbub-dashboard.json"]);
  for (const panel of dashboard.panels) for (const target of panel.targets ?? []) yield [panel.title, plain(target.expr)];
  for (const { query } of dashboard.templating.list.filter((one) => one.type === "query"))
    yield ["the dashboard's list", /^label_values\((\w+), \w+\)$/.exec(query.query)[1]];
  const [adapter] = documents(text("deploy/kubernetes/monitoring/adapter-rules.yaml"));
  for (const rule of adapter.rules.custom) {
    yield [rule.name.as, rule.seriesQuery];
    const series = rule.seriesQuery.replace(/\{.*/, "");
    yield [rule.name.as, rule.metricsQuery.replaceAll("<<.Series>>", series).replaceAll("<<.LabelMatchers>>", 'pod="a"').replaceAll("<<.GroupBy>>", "pod")];
  }
  for (const [, block] of text("docs/kubernetes.md").matchAll(/^```promql\n(.*?)^```/gms))
    for (const line of block.split("\n").filter((one) => one && !one.startsWith("#"))) yield ["docs/kubernetes.md", line];
}

test("no alert mixes two installations that one Prometheus knows", () => {
  let n = 0;
  for (const { alert, expr } of pick(render("production"), "PrometheusRule").spec.groups.flatMap((group) => group.rules))
    for (const labels of groupings(expr)) {
      assert.ok(labels.includes("namespace"), `${alert} is over all namespaces: ${expr}`);
      ++n;
    }
  assert.ok(n >= 7);
  assert.deepEqual(groupings("max(a) - sum by (pod, b) (c)"), [[], ["pod", "b"]]);
});

test("every metric that an alert, the dashboard, the adapter's rules or the docs name is one of the program's", async (t) => {
  const { port } = await startNats(t, (where, free) => `listen: 127.0.0.1:${free}\njetstream { store_dir: "${where}/store" }\n`);
  const node = await start(t, { config: "[namespace.chat]\n", dev: true, flags: ["--nats", `nats://127.0.0.1:${port}`] });
  const samples = await node.metrics();
  const named = new Set();
  // What Prometheus adds to each sample.
  const around = new Set(["job", "instance", "pod", "namespace"]);
  for (const [where, expression] of expressions()) {
    const { metrics, labels } = asksFor(expression);
    assert.ok(metrics.size > 0, where);
    const own = [...metrics].filter((name) => name.startsWith("hubbub_"));
    for (const name of own) named.add(name);
    const known = own.map((name) => labelsOf(samples, name));
    if (known.every(Boolean))
      for (const label of labels) assert.ok(around.has(label) || known.some((set) => set.has(label)), `${where}: ${label}`);
  }
  assert.ok(named.size > 15);
  for (const [name] of text("docs/kubernetes.md").matchAll(/\bhubbub_[a-z_]+\b/g)) if (!/_max$/.test(name)) named.add(name);
  const absent = [...named].filter((name) => !hasMetric(samples, name)).sort();
  assert.deepEqual(absent, [...coming].filter((name) => /^hubbub_/.test(name)).sort(), "what is absent is what tests/deploy/coming.txt says");
});

test("every metric of the program is described in docs/operations.md, and nothing else is", async (t) => {
  const { port } = await startNats(t, (where, free) => `listen: 127.0.0.1:${free}\njetstream { store_dir: "${where}/store" }\n`);
  const node = await start(t, { config: "[namespace.chat]\n", dev: true, flags: ["--nats", `nats://127.0.0.1:${port}`] });
  const samples = await node.metrics();
  const [, part] = /^## Metrics\n(.*?)^## /ms.exec(text("docs/operations.md"));
  const described = new Set(part.match(/(?<=`)hubbub_[a-z_]+/g));
  const shown = new Set([...samples.keys()].map((sample) => sample.replace(/\{.*/, "")).filter((name) => name.startsWith("hubbub_")));
  // Some are shown only once they have counted. (The cookie's name is no metric.)
  for (const name of namesInProgram("hubbub_")) if (name !== "hubbub_token") shown.add(name);
  assert.ok(shown.size > 40);
  assert.deepEqual([...shown].sort(), [...described].sort());
});

test("what is said to come has not come yet", async (t) => {
  const node = await start(t);
  for (const [, method, where] of [...coming].map((one) => /^(GET|POST) (\S+)$/.exec(one)).filter(Boolean))
    assert.equal((await node.ask(where, { method })).status, 501, `${method} ${where}: take it out of tests/deploy/coming.txt`);
});

test("every path that a manifest or the docs name answers", async (t) => {
  const node = await start(t);
  const paths = new Set();
  for (const overlay of overlays) {
    const one = container(pick(render(overlay), "Deployment"));
    for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) paths.add(`GET ${one[probe].httpGet.path}`);
  }
  paths.add(`GET ${pick(render("production"), "ServiceMonitor").spec.endpoints[0].path}`);
  for (const [, method, where] of text("docs/kubernetes.md").matchAll(/\b(GET|POST) (\/[a-z0-9/]+)/g)) paths.add(`${method} ${where}`);
  assert.ok(paths.size >= 3);
  for (const one of paths) {
    const [method, where] = one.split(" ");
    const { status } = await (where === "/v1/drain" ? await start(t) : node).ask(where, { method }); // it ends by that
    if (coming.has(one)) assert.equal(status, 501, one);
    else assert.ok(![404, 405, 501].includes(status), `${one}: ${status}`);
  }
  // The Ingress lets through what is below /v1/, and the WebSocket is there.
  const [rule] = pick(render("production"), "Ingress").spec.rules;
  assert.deepEqual(rule.http.paths.map((p) => p.path), ["/v1/"]);
  assert.equal((await request(`${node.url}/v1/ws`)).status, 426);
});
