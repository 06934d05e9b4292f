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

/** Of each aggregation in it, the labels that it keeps apart. */
export function groupings(expression) {
  const all = [];
  parser.parse(expression).iterate({
    enter(node) {
      if (node.name !== "AggregateExpr") return;
      const modifier = node.node.getChild("AggregateModifier");
      const said = modifier ? expression.slice(modifier.from, modifier.to) : "";
      all.push(said.startsWith("by") ? said.match(/\w+/g).slice(1) : []);
    },
  });
  return all;
}
