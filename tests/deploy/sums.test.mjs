// Numbers in different files that must fit each other.

import assert from "node:assert/strict";
import test from "node:test";

import { container, documents, overlays, pick, quantity, render, seconds, setting, text } from "./support/manifests.mjs";

const defaults = { "drain.pace": 200, "drain.grace": "2s", "drain.deadline": "60s", "limits.ping": "25s", "limits.pong_within": "10s" };
const configuration = (overlay) => {
  const toml = pick(render(overlay), "ConfigMap", "hubbub-config").data["hubbub.toml"];
  return (name) => setting(toml, name) ?? defaults[name];
};

/** Seconds that a pod's preStop takes; this one has none, or a sleep. */
function preStop(workload) {
  const hook = container(workload).lifecycle?.preStop;
  if (!hook) return 0;
  if (hook.sleep) return hook.sleep.seconds;
  const [program, time] = hook.exec.command;
  assert.match(program, /^(\/bin\/)?sleep$/, "a preStop that is no sleep takes nobody knows how long");
  return Number(time);
}

// What the program keeps of its deadline, and may take after it.
const inSource = (file, name) => Number(new RegExp(`constexpr std::chrono::seconds ${name}\\{(\\d+)\\};`).exec(text(file))[1]);
const lastAnswers = inSource("broker/daemon/config.hpp", "last_answers");
const stopWithin = inSource("broker/daemon/node_end.cpp", "stop_within");

test("the pages say of a drain's times what the program does", () => {
  const flat = (page) => text(page).replace(/\s+/g, " ");
  const kubernetes = flat("docs/kubernetes.md");
  assert.ok(kubernetes.includes(`and ${stopWithin} s after \`[drain] deadline\` at the latest (what hangs then is ended with 71)`));
  assert.ok(kubernetes.includes(`\`grace\` + connections / \`pace\` + ${lastAnswers} s ≤ \`deadline\``));
  assert.ok(kubernetes.includes(`\`deadline\` + ${stopWithin} s < \`terminationGracePeriodSeconds\``));
  assert.ok(flat("docs/operations.md").includes(`did not stop within ${stopWithin} s`));
  const configuration = flat("docs/configuration.md");
  assert.ok(configuration.includes(`after ${stopWithin} s the watchdog ends the process (71)`));
  assert.ok(configuration.includes(`(\`deadline\` - \`grace\` - ${lastAnswers} s) x \`pace\``));
  const [pace, grace, deadline] = ["pace", "grace", "deadline"].map((key) => JSON.parse(new RegExp(`^\\| \`${key}\` \\| \`([^\`]+)\` \\| \`HUBBUB_DRAIN_`, "m").exec(text("docs/configuration.md"))[1]));
  assert.deepEqual([pace, grace, deadline], ["pace", "grace", "deadline"].map((key) => defaults[`drain.${key}`]));
  const most = (seconds(deadline) - seconds(grace) - lastAnswers) * pace;
  assert.ok(configuration.includes(`${most.toLocaleString("en")} by default`), `${most}`);
});

test("whoever waits for a rollout waits as long as the most nodes take", () => {
  const nodes = pick(render("production"), "HorizontalPodAutoscaler").spec.maxReplicas;
  const { minReadySeconds } = pick(render("production"), "Deployment").spec;
  const waits = [...text("docs/kubernetes.md").matchAll(/^kubectl rollout status deployment\/hubbub .*--timeout=(\S+)$/gm)].map((m) => seconds(m[1]));
  assert.ok(waits.length >= 2);
  for (const wait of waits) assert.ok(wait >= nodes * (minReadySeconds + 30), `${wait} s for ${nodes} nodes`);
});

for (const overlay of overlays) {
  const deployment = () => pick(render(overlay), "Deployment", "hubbub");
  test(`${overlay}: a node has the time to drain all its connections`, () => {
    const said = configuration(overlay);
    const [grace, deadline] = [seconds(said("drain.grace")), seconds(said("drain.deadline"))];
    const all = grace + said("limits.connections") / said("drain.pace") + lastAnswers;
    assert.ok(all <= deadline, `${all} s to send everybody away, ${deadline} s to do it in`);
    const { terminationGracePeriodSeconds } = deployment().spec.template.spec;
    assert.ok(preStop(deployment()) + deadline + stopWithin < terminationGracePeriodSeconds, `${stopWithin} s for what comes after the deadline`);
    // What a listener that stays open is for: a readiness that has failed is known everywhere.
    const { periodSeconds, failureThreshold, timeoutSeconds } = container(deployment()).readinessProbe;
    if (overlay !== "dev") assert.ok(grace + preStop(deployment()) >= periodSeconds * failureThreshold + timeoutSeconds);
  });

  test(`${overlay}: no two nodes drain at once when the Deployment rolls`, () => {
    const { spec } = deployment();
    if (spec.strategy.type === "Recreate") return assert.equal(spec.replicas, 1);
    assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    assert.ok(spec.minReadySeconds >= spec.template.spec.terminationGracePeriodSeconds);
    const { periodSeconds, failureThreshold } = container(deployment()).startupProbe;
    assert.ok(spec.progressDeadlineSeconds > spec.minReadySeconds + periodSeconds * failureThreshold);
  });

  test(`${overlay}: the probes mean different things, and only one asks NATS`, () => {
    const { startupProbe, livenessProbe, readinessProbe } = container(deployment());
    assert.deepEqual([startupProbe, livenessProbe, readinessProbe].map((p) => p.httpGet.path), ["/healthz", "/healthz", "/readyz"]);
    // Not the clients' side: in a storm it turns new connections away, and a probe is one.
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) assert.equal(probe.httpGet.port, "admin");
    const patience = (p) => p.periodSeconds * p.failureThreshold;
    assert.ok(patience(startupProbe) > patience(livenessProbe) && patience(livenessProbe) > patience(readinessProbe));
  });

  test(`${overlay}: memory is enough for the tapes and all connections`, () => {
    const said = configuration(overlay);
    const { requests, limits } = container(deployment()).resources;
    assert.ok(said("limits.tape_budget_bytes") > 0, "or it would be a quarter of the machine's");
    assert.ok(said("server.loops") >= 1 && said("server.loops") <= Math.max(1, 2 * quantity(requests.cpu)), "or it would be all of the machine's cores");
    const needed = said("limits.tape_budget_bytes") + said("limits.connections") * perConnection + 32 * 2 ** 20;
    assert.ok(needed <= quantity(requests.memory), `${needed / 2 ** 20} MiB`);
    assert.ok(quantity(requests.memory) <= quantity(limits.memory));
    assert.equal(limits.cpu, undefined);
  });
}

/** Bytes of an idle connection with TLS: what docs/performance.md says. */
const perConnection = Number(/^\| the same with TLS \| ([0-9.]+) KB/m.exec(text("docs/performance.md"))[1]) * 1024;

test("the disruption budgets leave nodes and NATS a majority", () => {
  for (const overlay of ["cluster", "production"]) {
    const objects = render(overlay);
    for (const budget of objects.filter((o) => o.kind === "PodDisruptionBudget")) {
      const workload = objects.find((o) => o.spec?.template?.metadata.labels["app.kubernetes.io/name"] === budget.spec.selector.matchLabels["app.kubernetes.io/name"]);
      const floor = objects.find((o) => o.kind === "HorizontalPodAutoscaler" && o.spec.scaleTargetRef.name === workload.metadata.name)?.spec.minReplicas ?? workload.spec.replicas;
      assert.equal(budget.spec.maxUnavailable, 1);
      assert.ok(floor - budget.spec.maxUnavailable > floor / 2);
    }
    assert.ok(objects.some((o) => o.kind === "PodDisruptionBudget" && o.metadata.name === "hubbub"));
  }
  assert.ok(!render("dev").some((o) => o.kind === "PodDisruptionBudget"), "it would keep a machine from being emptied");
});

test("a node finds a machine when one of as few as there are nodes is being emptied", () => {
  for (const overlay of ["cluster", "production"]) {
    const spread = pick(render(overlay), "Deployment", "hubbub").spec.template.spec.topologySpreadConstraints;
    assert.deepEqual(spread.map((one) => one.topologyKey).sort(), ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    for (const { topologyKey, whenUnsatisfiable } of spread) assert.equal(whenUnsatisfiable, "ScheduleAnyway", topologyKey);
  }
});

test("the autoscaler adds nodes before connections are refused, and takes them away no faster than they drain", () => {
  const objects = render("production");
  const { spec } = pick(objects, "HorizontalPodAutoscaler");
  const deployment = pick(objects, "Deployment");
  assert.ok(spec.minReplicas >= 3 && spec.maxReplicas > spec.minReplicas);
  const [, missing] = /alert: HubbubNodesMissing[^]*?expr: .*< (\d+)$/m.exec(text("deploy/kubernetes/monitoring/prometheusrule.yaml"));
  for (const nodes of [spec.minReplicas, pick(render("cluster"), "Deployment", "hubbub").spec.replicas]) assert.equal(nodes, Number(missing));
  assert.equal(deployment.spec.replicas, undefined, "or each apply would set them back");
  const targets = Object.fromEntries(spec.metrics.map(({ pods }) => [pods.metric.name, quantity(pods.target.averageValue)]));
  const most = configuration("production")("limits.connections");
  assert.ok(targets.hubbub_connections >= most / 2 && targets.hubbub_connections <= most * 0.8);
  // When one node is lost, the others take its clients.
  assert.ok(targets.hubbub_connections * spec.minReplicas <= most * (spec.minReplicas - 1) * 1.15);
  assert.ok(targets.hubbub_loop_lag_seconds_max > 0 && targets.hubbub_loop_lag_seconds_max < 1);
  const { scaleDown } = spec.behavior;
  assert.deepEqual(scaleDown.policies.map((p) => [p.type, p.value]), [["Pods", 1]]);
  assert.ok(scaleDown.policies[0].periodSeconds >= deployment.spec.template.spec.terminationGracePeriodSeconds);
  assert.ok(scaleDown.stabilizationWindowSeconds >= scaleDown.policies[0].periodSeconds);
  // The alert comes later than the autoscaler and earlier than the refusals.
  const alerts = pick(objects, "PrometheusRule").spec.groups.flatMap((group) => group.rules);
  const full = Number(/> (\d+)$/.exec(alerts.find((one) => one.alert === "HubbubNearlyFull").expr)[1]);
  assert.ok(full > targets.hubbub_connections && full < most);
});

test("nothing between a client and a node cuts a WebSocket that is quiet", () => {
  const said = configuration("production");
  const quiet = seconds(said("limits.ping")) + seconds(said("limits.pong_within"));
  const { annotations } = pick(render("production"), "Ingress").metadata;
  assert.ok(Number(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 2 * quiet);
  assert.ok(Number(annotations["nginx.ingress.kubernetes.io/proxy-send-timeout"]) > 2 * quiet);
  assert.ok(seconds(annotations["haproxy.org/timeout-tunnel"]) > 2 * quiet);
});

test("NATS keeps three replicas, each on the disk before it is confirmed, and has the time to leave", () => {
  const objects = render("cluster");
  const conf = pick(objects, "ConfigMap", "nats-config").data["nats.conf"];
  const servers = pick(objects, "StatefulSet");
  assert.match(conf, /^ {2}sync_interval: always$/m);
  assert.equal(servers.spec.replicas, 3);
  assert.equal(configuration("cluster")("nats.replicas"), 3);
  const [, grace] = /^lame_duck_grace_period: (\S+)$/m.exec(conf);
  const [, duration] = /^lame_duck_duration: (\S+)$/m.exec(conf);
  assert.ok(seconds(grace) + seconds(duration) + 15 <= servers.spec.template.spec.terminationGracePeriodSeconds);
  const names = [...Array(servers.spec.replicas).keys()].map((i) => `${servers.metadata.name}-${i}.${servers.spec.serviceName}`);
  for (const name of names) assert.ok(conf.includes(`nats://${name}:6222`), name);
  const url = container(pick(objects, "Deployment")).env.find((one) => one.name === "HUBBUB_NATS").value;
  assert.deepEqual(url.split(",").map((one) => one.replace(/^.*@/, "")), names.map((name) => `${name}:4222`));
});

test("compose: the same sums", () => {
  const [compose] = documents(text("deploy/compose/compose.yaml"));
  const toml = text("deploy/compose/hubbub.toml");
  const [grace, deadline] = ["grace", "deadline"].map((key) => seconds(setting(toml, `drain.${key}`)));
  assert.ok(grace + setting(toml, "limits.connections") / (setting(toml, "drain.pace") ?? defaults["drain.pace"]) + lastAnswers <= deadline);
  assert.ok(deadline + stopWithin < seconds(compose["x-hubbub"].stop_grace_period));
  assert.ok(setting(toml, "limits.connections") + 200 <= compose["x-hubbub"].ulimits.nofile);
  const conf = text("deploy/compose/nats.conf");
  assert.match(conf, /^ {2}sync_interval: always$/m);
  assert.equal(setting(toml, "nats.replicas"), 3);
  const lame = ["grace_period", "duration"].map((what) => seconds(new RegExp(`^lame_duck_${what}: (\\S+)$`, "m").exec(conf)[1]));
  assert.ok(lame[0] + lame[1] + 10 <= seconds(compose["x-nats"].stop_grace_period));
});
