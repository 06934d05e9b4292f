// What an expression of PromQL asks for.

import { parser } from "@prometheus-io/lezer-promql";

/** `{metrics, labels}` that it names; throws where it is no PromQL. */
export function asksFor(expression) {
  const metrics = new Set();
  const labels = new Set();
  parser.parse(expression).iterate({
    enter(node) {
      const said = expression.slice(node.from, node.to);
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`);
      if (node.name === "Identifier" && node.node.parent.name === "VectorSelector") metrics.add(said);
      if (node.name === "LabelName") labels.add(said);
    },
  });
  return { metrics, labels };
}
