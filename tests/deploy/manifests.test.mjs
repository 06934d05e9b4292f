// Does Kubernetes take it? Each overlay through an old kubectl and a current one, each object against its schema.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import test from "node:test";

import { container, documents, inRoot, kubectl, overlays, pick, render, text } from "./support/manifests.mjs";
import { wrongWith } from "./support/schema.mjs";

/** Names of generated objects end with a hash that each version makes in its own way; order of objects and of a container's lists is free. */
function comparable(objects) {
  const plain = JSON.stringify(objects).replaceAll(/(hubbub-config|nats-config)-[a-z0-9]{10}/g, "$1");
  const sorted = (value) => {
    if (Array.isArray(value)) {
      const inner = value.map(sorted);
      return inner.every((one) => typeof one?.name === "string") ? inner.sort((a, b) => a.name.localeCompare(b.name)) : inner;
    }
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
  };
  return sorted(JSON.parse(plain)).sort((a, b) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));
}

for (const overlay of overlays) {
  test(`${overlay}: an old kubectl and a current one make the same of it`, () => {
    assert.deepEqual(comparable(render(overlay, "old")), comparable(render(overlay, "current")));
  });

  test(`${overlay}: every object is as Kubernetes' schemas have it`, async () => {
    assert.ok(render(overlay).length >= 7);
    for (const object of render(overlay))
      assert.deepEqual(await wrongWith(object), [], `${object.kind} ${object.metadata.name}`);
  });

  test(`${overlay}: what an object names is there`, () => {
    const objects = render(overlay);
    const secrets = secretsFor(overlay);
    const has = (kind, name) => assert.ok([...objects, ...secrets].some((o) => o.kind === kind && o.metadata.name === name), `${kind} ${name}`);
    const hasKey = ({ name, key }) => {
      has("Secret", name);
      assert.ok(secrets.find((s) => s.metadata.name === name).data[key] !== undefined, `${name}: ${key}`);
    };
    for (const workload of objects.filter((o) => ["Deployment", "StatefulSet"].includes(o.kind))) {
      const pod = workload.spec.template.spec;
      if (pod.serviceAccountName) has("ServiceAccount", pod.serviceAccountName);
      assert.deepEqual(workload.spec.selector.matchLabels, { "app.kubernetes.io/name": workload.metadata.name });
      for (const volume of pod.volumes) {
        if (volume.configMap) has("ConfigMap", volume.configMap.name);
        if (volume.secret) has("Secret", volume.secret.secretName);
      }
      const volumes = [...pod.volumes, ...(workload.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata)].map((v) => v.name);
      for (const mount of container(workload).volumeMounts) assert.ok(volumes.includes(mount.name), mount.name);
      const before = new Set();
      for (const variable of container(workload).env) {
        if (variable.valueFrom?.secretKeyRef) hasKey(variable.valueFrom.secretKeyRef);
        // A variable in another's value must come before it.
        for (const [, name] of (variable.value ?? "").matchAll(/\$\(([A-Z_]+)\)/g)) assert.ok(before.has(name), `${name} before ${variable.name}`);
        before.add(variable.name);
      }
    }
    for (const service of objects.filter((o) => o.kind === "Service")) {
      const [workload] = objects.filter((o) => o.spec?.template && Object.entries(service.spec.selector).every(([k, v]) => o.spec.template.metadata.labels[k] === v));
      assert.ok(workload, `pods of ${service.metadata.name}`);
      for (const port of service.spec.ports)
        assert.ok(container(workload).ports.some((p) => p.name === port.targetPort), `${service.metadata.name}: ${port.targetPort}`);
    }
    for (const ingress of objects.filter((o) => o.kind === "Ingress"))
      for (const { backend } of ingress.spec.rules.flatMap((rule) => rule.http.paths))
        assert.ok(pick(objects, "Service", backend.service.name).spec.ports.some((p) => p.name === backend.service.port.name));
    for (const monitor of objects.filter((o) => o.kind === "ServiceMonitor")) {
      const service = objects.find((o) => o.kind === "Service" && Object.entries(monitor.spec.selector.matchLabels).every(([k, v]) => o.metadata.labels[k] === v));
      for (const endpoint of monitor.spec.endpoints) {
        assert.ok(service.spec.ports.some((p) => p.name === endpoint.port));
        hasKey(endpoint.authorization.credentials);
      }
    }
    for (const scaler of objects.filter((o) => o.kind === "HorizontalPodAutoscaler")) has(scaler.spec.scaleTargetRef.kind, scaler.spec.scaleTargetRef.name);
  });

  test(`${overlay}: all of it is in the overlay's namespace, which lets in only restricted pods`, () => {
    const namespace = pick(render(overlay), "Namespace");
    assert.equal(namespace.metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
    for (const object of render(overlay).filter((o) => o !== namespace)) assert.equal(object.metadata.namespace, namespace.metadata.name, object.metadata.name);
  });

  test(`${overlay}: no pod is more than it has to be`, () => {
    for (const workload of render(overlay).filter((o) => ["Deployment", "StatefulSet"].includes(o.kind))) {
      const pod = workload.spec.template.spec;
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.enableServiceLinks, false);
      assert.equal(pod.securityContext.runAsNonRoot, true);
      assert.ok(pod.securityContext.runAsUser > 0);
      assert.deepEqual(pod.securityContext.seccompProfile, { type: "RuntimeDefault" });
      assert.deepEqual(container(workload).securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } });
      for (const key of ["hostNetwork", "hostPID", "hostIPC"]) assert.equal(pod[key], undefined);
      assert.doesNotMatch(container(workload).image, /:latest$/);
    }
  });

  test(`${overlay}: clients come in, admin only from monitoring, and out goes only what must`, () => {
    const policies = render(overlay).filter((o) => o.kind === "NetworkPolicy" && o.spec.podSelector.matchLabels["app.kubernetes.io/name"] === "hubbub");
    const ingress = policies.flatMap((p) => p.spec.ingress ?? []);
    const ports = (rule) => rule.ports.map((p) => p.port);
    assert.deepEqual(ingress.filter((rule) => !rule.from).map(ports), [[8080]]);
    assert.deepEqual(ingress.filter((rule) => rule.from).map((rule) => [ports(rule), rule.from]),
      [[[8081], [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }]]]);
    const out = policies.flatMap((p) => p.spec.egress ?? []).flatMap(ports);
    assert.deepEqual([...new Set(out)].sort(), overlay === "dev" ? [53] : [4222, 53].sort());
    for (const policy of policies.slice(0, 1)) assert.deepEqual(policy.spec.policyTypes, ["Ingress", "Egress"]);
  });
}

/** The Secrets that new-secrets prints, as an operator of this overlay makes them. */
function secretsFor(overlay) {
  const files = overlay === "production" ? ["--nats-credentials", inRoot("LICENSE"), "--nats-authority", inRoot("LICENSE")] : [];
  return documents(execFileSync(inRoot("deploy/kubernetes/new-secrets"), files, { encoding: "utf8" }));
}

for (const overlay of ["cluster", "production"])
  test(`${overlay}: the files of keys that the configuration names are in the Secrets that are mounted there`, () => {
    const objects = render(overlay);
    const deployment = pick(objects, "Deployment");
    const toml = pick(objects, "ConfigMap", "hubbub-config").data["hubbub.toml"];
    const files = [...toml.matchAll(/"(\/etc\/hubbub\/[^"]+)\/([^"/]+)"/g)];
    for (const key of ["hs256_key_file", "ticket_keys"]) assert.match(toml, new RegExp(`^${key} = \\["/etc/hubbub/`, "m"));
    for (const [, folder, file] of files) {
      const mount = container(deployment).volumeMounts.find((one) => one.mountPath === folder);
      const { secret } = deployment.spec.template.spec.volumes.find((one) => one.name === mount.name);
      assert.ok(secretsFor(overlay).find((one) => one.metadata.name === secret.secretName).data[file], `${secret.secretName}: ${file}`);
    }
  });

test("new-secrets prints Secrets that are new each time", async () => {
  const [first, second] = [secretsFor("cluster"), secretsFor("cluster")];
  for (const secret of [...first, ...secretsFor("production")]) assert.deepEqual(await wrongWith(secret), []);
  for (const [i, secret] of first.entries())
    for (const [key, value] of Object.entries(secret.data)) assert.notEqual(value, second[i].data[key], key);
  assert.throws(() => execFileSync(inRoot("deploy/kubernetes/new-secrets"), ["--nats-authority", "/nowhere"], { stdio: "pipe" }), /\/nowhere cannot be read/);
  assert.throws(() => execFileSync(inRoot("deploy/kubernetes/new-secrets"), ["--help-me"], { stdio: "pipe" }), /I do not know/);
});

test("a schema finds a wrong type, a missing field and a field that is none", async () => {
  const deployment = structuredClone(pick(render("cluster"), "Deployment"));
  container(deployment).redinessProbe = {};
  deployment.spec.replicas = "three";
  delete deployment.spec.selector;
  const wrong = (await wrongWith(deployment)).join("\n");
  assert.match(wrong, /\/spec\/replicas/);
  assert.match(wrong, /selector/);
  assert.match(wrong, /redinessProbe: there is no such field/);
  const monitor = structuredClone(pick(render("production"), "ServiceMonitor"));
  monitor.spec.endpoints[0].intervall = "15s";
  assert.deepEqual(await wrongWith(monitor), ["/spec/endpoints/0/intervall: there is no such field"]);
});

test("every kustomization keeps to what the old kubectl takes", () => {
  const folders = ["base", "clustered", "nats", "monitoring", ...overlays.map((o) => `overlays/${o}`)];
  for (const folder of folders) {
    kubectl("old", "kustomize", `deploy/kubernetes/${folder}`);
    const [file] = documents(text("deploy/kubernetes", folder, "kustomization.yaml"));
    for (const name of readdirSync(inRoot("deploy/kubernetes", folder)).filter((n) => n.endsWith(".yaml") && n !== "kustomization.yaml" && n !== "adapter-rules.yaml"))
      assert.ok([...(file.resources ?? []), ...(file.patchesStrategicMerge ?? [])].includes(name), `${folder}/${name} is used by nobody`);
  }
});
