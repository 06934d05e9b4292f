// What kubectl makes of deploy/kubernetes, and questions about it.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { parseAllDocuments } from "yaml";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const inRoot = (...parts) => path.join(root, ...parts);
export const text = (...parts) => readFileSync(inRoot(...parts), "utf8");

/** What tests/deploy/unpack_tools has unpacked: kubectls by their kind, and Prometheus' own tool. */
export const kubectls = {
  old: inRoot("build/deploy/debian/usr/bin/kubectl"),
  current: inRoot("build/deploy/current/kubectl/kubectl"),
};
export const promtool = inRoot("build/deploy/debian/usr/bin/promtool");
for (const file of [...Object.values(kubectls), promtool])
  if (!existsSync(file)) throw new Error(`${file} is not there: run tests/deploy/unpack_tools`);

export const kubectl = (kind, ...args) =>
  execFileSync(kubectls[kind], args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { HOME: "/nonexistent", PATH: process.env.PATH } });

export const overlays = ["dev", "cluster", "production"];

/** All documents of a YAML text; throws where it is none. */
export const documents = (yaml) => parseAllDocuments(yaml, { merge: true }).flatMap((document) => {
  if (document.errors.length) throw document.errors[0];
  return document.contents === null ? [] : [document.toJS()];
});

const rendered = new Map();
/** The objects of an overlay, as this kubectl renders them. */
export function render(overlay, kind = "current") {
  const key = `${kind} ${overlay}`;
  if (!rendered.has(key)) rendered.set(key, documents(kubectl(kind, "kustomize", `deploy/kubernetes/overlays/${overlay}`)));
  return rendered.get(key);
}

/** The one object of this kind and, if told, name (before its hash). */
export function pick(objects, kind, name) {
  const found = objects.filter((o) => o.kind === kind && (!name || o.metadata.name === name || o.metadata.name.startsWith(`${name}-`) && kind === "ConfigMap"));
  if (found.length !== 1) throw new Error(`${found.length} objects ${kind} ${name ?? ""}`);
  return found[0];
}

export const container = (workload) => workload.spec.template.spec.containers[0];
export const environment = (workload) => Object.fromEntries(container(workload).env.map((one) => [one.name, one]));

/** "512Mi", "1.5", "250m" as a number. */
export function quantity(text) {
  const [, number, unit] = /^([0-9.]+)(m|k|M|G|Ki|Mi|Gi)?$/.exec(String(text)) ?? [];
  if (number === undefined) throw new Error(`${text} is no quantity`);
  const scale = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
  return Number(number) * (unit ? scale[unit] : 1);
}

/** "10s", "2m" in seconds. */
export function seconds(text) {
  const [, number, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`${text} is no duration`);
  return Number(number) * { ms: 1e-3, s: 1, m: 60, h: 3600 }[unit];
}

/** One value of a TOML text, as "drain.pace"; enough of TOML for files of ours. */
export function setting(toml, name) {
  const [section, key] = name.split(".");
  const body = toml.split(/^\[/m).find((part) => part.startsWith(`${section}]`)) ?? "";
  const [, value] = new RegExp(`^${key} *= *("[^"]*"|[0-9a-z]+)`, "m").exec(body) ?? [];
  return value === undefined ? undefined : JSON.parse(value);
}
