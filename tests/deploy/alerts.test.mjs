// Each alert through Prometheus' own promtool: it fires in a series that shows its trouble, and in none without it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { pick, promtool, render } from "./support/manifests.mjs";
import { temporaryDirectory } from "./support/program.mjs";

const groups = pick(render("production"), "PrometheusRule").spec.groups;
const rules = groups.flatMap((group) => group.rules);

/** What a node that is well says for an hour, in promtool's notation; a value that a test does not name is this. */
const well = {
  up: "1x60", process_start_time_seconds: "1700000000x60", hubbub_ready: "1x60", hubbub_log_answers: "1x60", hubbub_draining: "0x60",
  hubbub_nodes: "3x60", hubbub_connections: "9000x60", hubbub_drain_seconds: "58x60", hubbub_drain_deadline_seconds: "120x60",
  'hubbub_loop_lag_seconds{loop="0"}': "0.002x60", 'hubbub_loop_lag_seconds{loop="1"}': "0.004x60",
  'hubbub_log_refused_total{outcome="not_stored"}': "4x60", 'hubbub_log_refused_total{outcome="unknown"}': "0x60",
  hubbub_room_crashes_total: "0x60", hubbub_connection_crashes_total: "0x60", hubbub_bus_crashes_total: "0x60",
  'hubbub_handshakes_refused_total{reason="overloaded"}': "0+60x60", 'hubbub_handshakes_refused_total{reason="unauthorized"}': "0+6000x60",
  'hubbub_goodbyes_total{code="4101"}': "0+9000x60", 'hubbub_goodbyes_total{code="4102"}': "0x60", 'hubbub_goodbyes_total{code="4103"}': "0+6x60",
  hubbub_tape_given_up_bytes_total: "0x60", hubbub_nats_missed_total: "0+6x60", hubbub_nats_live_lost_total: "0+6x60",
};

/** The series of a pod, a sample a minute. */
const pod = (name, said = {}, namespace = "hubbub") => Object.entries({ ...well, ...said }).filter(([, values]) => values).map(([metric, values]) => {
  const [, plain, own] = /^(\w+)(?:\{(.*)\})?$/.exec(metric);
  const labels = [`job="hubbub-admin"`, `namespace="${namespace}"`, `pod="${name}"`, `instance="${name}:8081"`, ...own ? [own] : []];
  return { series: `${plain}{${labels.join(",")}}`, values };
});
/** What a node says that is there from one minute to another. */
const during = (from, to, said = {}) => Object.fromEntries(Object.entries({ ...well, ...said })
  .map(([metric, values]) => [metric, `_x${from - 1} ${values.replace(/x\d+$/, `x${to - from}`)} stale`.replace(/^_x-1 /, "")]));
const cluster = (said = {}) => [pod("a", said), pod("b"), pod("c")].flat();
const everywhere = (said) => ["a", "b", "c"].flatMap((name) => pod(name, said));

const all = { namespace: "hubbub" };
const a = { namespace: "hubbub", pod: "a" };
const target = { ...a, job: "hubbub-admin", instance: "a:8081" };

/** Has `promtool` look at these minutes which alerts fire: those of `wanted` (`{alert: labels}`), and no others. */
function look(t, series, minutes, wanted) {
  const folder = temporaryDirectory(t);
  const expected = (rule) => {
    const labels = wanted[rule.alert];
    if (!labels) return [];
    const summary = rule.annotations.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, name) => {
      assert.ok(labels[name], `${rule.alert} has no label ${name} to speak of`);
      return labels[name];
    });
    return [{ exp_labels: { ...labels, severity: rule.labels.severity }, exp_annotations: { summary } }];
  };
  for (const name of Object.keys(wanted)) assert.ok(rules.some((rule) => rule.alert === name), name);
  writeFileSync(path.join(folder, "rules.yaml"), JSON.stringify({ groups }));
  writeFileSync(path.join(folder, "test.yaml"), JSON.stringify({
    rule_files: ["rules.yaml"], evaluation_interval: "30s",
    tests: [{ interval: "1m", input_series: series,
      alert_rule_test: minutes.flatMap((minute) => rules.map((rule) => ({ eval_time: `${60 * minute}s`, alertname: rule.alert, exp_alerts: expected(rule) }))) }],
  }));
  const { status, stdout, stderr } = spawnSync(promtool, ["test", "rules", "test.yaml"], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("Prometheus takes the rules", (t) => {
  const file = path.join(temporaryDirectory(t), "rules.yaml");
  writeFileSync(file, JSON.stringify({ groups }));
  const { status, stdout, stderr } = spawnSync(promtool, ["check", "rules", file], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});

// Minute 20 is when it has lasted.
const troubles = {
  HubbubNodeDown: ["a node does not answer", cluster({ up: "1x9 0x50" }), { HubbubNodeDown: target, HubbubNodesMissing: all }],
  HubbubNodesMissing: ["a pod is not made again, and the other two are well", [pod("a"), pod("b"), pod("c", during(0, 10))].flat(), { HubbubNodesMissing: all }],
  HubbubNodeRestarts: ["a pod is started again every five minutes", cluster({ process_start_time_seconds: "1x4 2x4 3x4 4x4 5x30" }), { HubbubNodeRestarts: target }],
  HubbubLogDoesNotAnswer: ["NATS is away, and only backends publish", everywhere({ hubbub_ready: "1x17 0x40", hubbub_log_answers: "1x17 0x40" }), { HubbubLogDoesNotAnswer: all }],
  HubbubPublishesFail: ["clients' publishes are refused", cluster({ 'hubbub_log_refused_total{outcome="unknown"}': "0+60x60" }), { HubbubPublishesFail: all }],
  HubbubNodesDisagree: ["a node hears one other", cluster({ hubbub_nodes: "3x5 2x50" }), { HubbubNodesDisagree: all }],
  HubbubCrashes: ["a room has crashed", cluster({ hubbub_room_crashes_total: "0x15 1x40" }), { HubbubCrashes: a }],
  HubbubRefusesConnections: ["a storm does not pass", cluster({ 'hubbub_handshakes_refused_total{reason="connections"}': "0+600x60" }), { HubbubRefusesConnections: all }],
  HubbubNearlyFull: ["a node has 17,500 clients", cluster({ hubbub_connections: "9000x5 17500x50", hubbub_drain_seconds: "100x60" }), { HubbubNearlyFull: target }],
  HubbubLoopsAreLate: ["a loop lags by half a second", cluster({ 'hubbub_loop_lag_seconds{loop="1"}': "0.5x60" }), { HubbubLoopsAreLate: a }],
  HubbubNodeNotReady: ["a node hangs at its start", cluster({ hubbub_ready: "1x5 0x50" }), { HubbubNodeNotReady: target }],
  HubbubDrainsTooLong: ["more clients than deadline x pace", cluster({ hubbub_drain_seconds: "58x5 133x50" }), { HubbubDrainsTooLong: target }],
  HubbubTapesAreFull: ["tapes give up all the time", cluster({ hubbub_tape_given_up_bytes_total: "0+1000x60" }), { HubbubTapesAreFull: target }],
  HubbubClientsTooSlow: ["two clients a second are sent away", cluster({ 'hubbub_goodbyes_total{code="4103"}': "0+120x60" }), { HubbubClientsTooSlow: all }],
  HubbubLosesBetweenNodes: ["two events of live rooms are lost a second", cluster({ hubbub_nats_live_lost_total: "0+120x60" }), { HubbubLosesBetweenNodes: a }],
};

test("each alert has its trouble here", () => {
  assert.deepEqual(Object.keys(troubles).sort(), rules.map((rule) => rule.alert).sort());
});

for (const [alert, [what, series, wanted]] of Object.entries(troubles))
  test(`${alert} fires when ${what}, and the others only where they should`, (t) => {
    assert.ok(wanted[alert]);
    look(t, series, [20], wanted);
  });

const minutes = [...Array(120).keys()].map((n) => n / 2);

test("none fires in a cluster that is well", (t) => look(t, cluster(), minutes, {}));

test("none fires while NATS chooses a leader for less than a minute, and nodes are not ready meanwhile", (t) =>
  look(t, everywhere({ hubbub_ready: "1x10 0x0 1x50", hubbub_log_answers: "1x10 0x0 1x50", hubbub_nodes: "3x10 1x1 3x50" }), minutes, {}));

test("none fires while all nodes are replaced, each after a drain of two minutes", (t) => {
  const leaves = (until) => ({ ...during(0, until), hubbub_ready: `1x${until - 2} 0x1 stale`, hubbub_draining: `0x${until - 2} 1x1 stale` });
  look(t, ["a", "b", "c"].flatMap((name, i) => [pod(`old-${name}`, leaves(10 + 3 * i)), pod(`new-${name}`, during(7 + 3 * i, 59, { process_start_time_seconds: `${1_700_001_000 + i}x60` }))]).flat(), minutes, {});
});

test("none fires when five nodes become three, or one is restarted once", (t) => {
  look(t, [cluster(), pod("d", during(0, 15)), pod("e", during(0, 20))].flat(), minutes, {});
  look(t, cluster({ process_start_time_seconds: "1700000000x30 1700001800x29" }), minutes, {});
});

test("HubbubNodesMissing fires when all nodes are gone, and for each installation on its own", (t) => {
  look(t, ["a", "b", "c"].flatMap((name) => pod(name, during(0, 10))), [20, 40], { HubbubNodesMissing: all });
  // Five pods of another are no comfort.
  look(t, [pod("a"), pod("b"), ...["1", "2", "3", "4", "5"].map((name) => pod(name, {}, "other"))].flat(), [20], { HubbubNodesMissing: all });
});

test("a node that ends is not told of as one that is not ready", (t) =>
  look(t, cluster({ hubbub_ready: "1x5 0x50", hubbub_draining: "0x5 1x50" }), minutes, {}));
