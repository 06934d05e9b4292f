// Every command in docs/kubernetes.md is one that works, as far as that can be known without a cluster.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { container, documents, inRoot, kubectl, kubectls, overlays, pick, render, text } from "./support/manifests.mjs";
import { temporaryDirectory } from "./support/program.mjs";

const page = text("docs/kubernetes.md");
const lines = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block.trim().split("\n"));
// What stands on both sides of a pipe is a command each.
const commands = lines.flatMap((line) => line.split(" | ")).map((line) => line.replace(/ > \S+$/, ""));
const words = (command) => [...command.matchAll(/'[^']*'|\S+/g)].map(([word]) => word.replaceAll("'", ""));

test("each command's program is known, and each file that it names is there", () => {
  assert.ok(commands.length > 20);
  for (const command of commands) {
    const [program, ...rest] = words(command);
    assert.ok(["kubectl", "docker", "nats", "openssl", "base64", "grep", "sed"].includes(program) || statSync(inRoot(program)).mode & 0o100, command);
    for (const word of rest.filter((one) => one.startsWith("deploy/"))) assert.ok(existsSync(inRoot(word)), command);
  }
});

for (const kind of ["old", "current"]) {
  test(`each kubectl command has the verbs and flags of ${kind === "old" ? "an old" : "a current"} kubectl`, () => {
    const help = new Map();
    const ask = (...args) => {
      const key = args.join(" ");
      if (!help.has(key)) help.set(key, kubectl(kind, ...args));
      return help.get(key);
    };
    for (const command of commands.filter((one) => one.startsWith("kubectl "))) {
      const [, ...all] = words(command);
      const rest = all.includes("--") ? all.slice(0, all.indexOf("--")) : all;
      const verb = rest[0] === "create" ? rest.slice(0, 3) : rest[0] === "rollout" ? rest.slice(0, 2) : rest.slice(0, 1);
      const known = ask(...verb, "--help") + ask("options");
      for (const flag of rest.filter((word) => /^--?[a-z]/.test(word))) {
        const name = flag.replace(/=.*/, "");
        const row = new RegExp(name.startsWith("--") ? `${name}[=: ,]` : `${name}, --`);
        assert.ok(row.test(known), `${command}: ${name}`);
      }
    }
  });
}

test("each object that a command names is one of the overlay's", () => {
  let n = 0;
  for (const command of commands.filter((one) => one.startsWith("kubectl "))) {
    const [, namespace] = /--namespace (\S+)/.exec(command) ?? [];
    if (!namespace) continue;
    const objects = overlays.map((o) => render(o)).find((o) => pick(o, "Namespace").metadata.name === namespace);
    assert.ok(objects, command);
    for (const [, kind, name] of command.matchAll(/\b(deployment|statefulset|service)\/([a-z-]+)/g)) {
      assert.ok(objects.some((o) => o.kind.toLowerCase() === kind && o.metadata.name === name), command);
      ++n;
    }
    for (const [, name] of command.matchAll(/\b(nats-\d)\b/g)) assert.ok(Number(name.slice(-1)) < pick(objects, "StatefulSet").spec.replicas, command);
    for (const [, name] of command.matchAll(/\bsecret(?: generic)? (\S+)/g))
      assert.ok(objects.some((o) => ["Deployment", "StatefulSet"].includes(o.kind) && JSON.stringify(o).includes(`"${name}"`)), command);
    for (const [, port] of command.matchAll(/port-forward service\/hubbub \d+:(\d+)/g))
      assert.ok(pick(objects, "Service", "hubbub").spec.ports.some((p) => p.port === Number(port)));
    for (const [, label] of command.matchAll(/--selector (\S+)/g)) {
      const [key, value] = label.split("=");
      assert.ok(objects.some((o) => o.spec?.template?.metadata.labels[key] === value), command);
    }
  }
  assert.ok(n > 8);
  const claims = pick(render("cluster"), "StatefulSet").spec.volumeClaimTemplates.map((claim) => claim.metadata.name);
  assert.deepEqual([...page.matchAll(/persistentvolumeclaim (\w+)-nats-\d/g)].map(([, name]) => name), claims);
});

test("Secrets that are made as the page says are made", (t) => {
  const folder = temporaryDirectory(t);
  for (const name of ["current", "next"]) writeFileSync(path.join(folder, `${name}.key`), name.repeat(12));
  for (const secret of ["hubbub-token-keys", "hubbub-ticket-keys"]) {
    const line = commands.find((one) => one.startsWith(`kubectl create secret generic ${secret} `));
    for (const kind of ["old", "current"]) {
      const [made] = documents(execFileSync(kubectls[kind], words(line).slice(1), { cwd: folder, encoding: "utf8" }));
      assert.equal(made.metadata.name, secret);
      assert.deepEqual(made.data, { "current.key": btoa("current".repeat(12)), "next.key": btoa("next".repeat(12)) });
    }
  }
});

test("each step of the change of ticket keys names files of the Secret, and all but the last open what was sealed before", () => {
  const steps = [...page.matchAll(/^\d\. .*?`ticket_keys = (\[[^`]*\])`/gms)].map(([, list]) => JSON.parse(list).map((file) => path.basename(file)));
  assert.deepEqual(steps, [["current.key", "next.key"], ["next.key", "current.key"], ["current.key"]]);
  const { mountPath } = container(pick(render("cluster"), "Deployment")).volumeMounts.find((mount) => mount.name === "ticket-keys");
  for (const [file] of page.matchAll(/\/etc\/hubbub\/ticket-keys[^"]*/g)) assert.equal(path.dirname(file), mountPath);
});

test("the alerts of the page are the PrometheusRule's", () => {
  const alerts = pick(render("production"), "PrometheusRule").spec.groups.flatMap((group) => group.rules).map((rule) => rule.alert);
  assert.deepEqual([...new Set(page.match(/`Hubbub[A-Za-z]+`/g))].map((one) => one.slice(1, -1)).sort(), alerts.sort());
  const table = [...page.matchAll(/^\| `(Hubbub\w+)` \|/gm)].map((m) => m[1]);
  const critical = pick(render("production"), "PrometheusRule").spec.groups.flatMap((group) => group.rules).filter((rule) => rule.labels.severity === "critical").map((rule) => rule.alert);
  assert.deepEqual(table.sort(), critical.sort());
});

test("the page's Secrets and numbers are those of the manifests", () => {
  const made = execFileSync(inRoot("deploy/kubernetes/new-secrets"), { encoding: "utf8" });
  const names = made.match(/^ {2}name: \S+$/gm).map((one) => one.replace(/.* /, ""));
  assert.deepEqual([...page.matchAll(/^\| `(hubbub-[a-z-]+)` \|/gm)].map((m) => m[1]).sort(), names.sort());
  const deployment = pick(render("cluster"), "Deployment");
  const { requests, limits } = container(deployment).resources;
  assert.ok(page.replace(/\s+/g, " ").includes("20,000 connections, 512 MiB of tapes, 1 GiB asked for and 2 GiB at most"));
  assert.deepEqual([requests.memory, limits.memory], ["1Gi", "2Gi"]);
  const toml = pick(render("cluster"), "ConfigMap", "hubbub-config").data["hubbub.toml"];
  assert.match(toml, /^connections = 20000$/m);
  assert.match(toml, /^tape_budget_bytes = 536870912\b/m);
});
