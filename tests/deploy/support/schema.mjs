// Kubernetes' own schemas, and those of the Prometheus operator, as npm packages have them: ready-made functions.

const upper = (word) => word[0].toUpperCase() + word.slice(1);

async function validator({ apiVersion, kind }) {
  const [version, group] = apiVersion.split("/").reverse();
  // (That package exports its classes alone, which copy what they validate.)
  const from = group === "monitoring.coreos.com"
    ? new URL(`../node_modules/@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring${upper(version)}${kind}.js`, import.meta.url)
    : `kubernetes-models/_schemas/IoK8sApi${upper((group ?? "core").split(".")[0])}${upper(version)}${kind}`;
  return (await import(from)).validate;
}

/**
 * What is wrong with an object: places and reasons. The schemas let fields pass that they do not know, as an API server
 * does with a warning; here they are wrong. A validator looks at each field that it knows by its name, so what
 * nobody looked at is not known.
 */
export async function wrongWith(object) {
  const validate = await validator(object);
  const unseen = new Map();
  const watched = (value, place) => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map((one, i) => watched(one, `${place}/${i}`));
    const inner = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, watched(one, `${place}/${key}`)]));
    for (const key of Object.keys(inner)) unseen.set(`${place}/${key}`, [inner, key]);
    return new Proxy(inner, {
      get: (target, key) => {
        if (typeof key === "string") unseen.delete(`${place}/${key}`);
        return Reflect.get(target, key);
      },
    });
  };
  const ok = validate(watched(object, ""));
  const wrong = ok ? [] : validate.errors.map((e) => `${e.instancePath}: ${e.message ?? e.keyword} ${JSON.stringify(e.params)}`);
  // The parts of a field that is not known are not known either: once is enough.
  const names = [...unseen.keys()];
  return wrong.concat(names.filter((name) => !names.some((other) => name.startsWith(`${other}/`))).map((name) => `${name}: there is no such field`));
}
