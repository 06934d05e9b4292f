// Is a cost flat while something grows? What it is multiplied by with each doubling.

/** Rows for points [x, value] in rising order: a step of more than a factor two is shared out to its doublings. */
export function doublings(points, titleOf) {
  return points.slice(1).map(([x, value], i) => {
    const [fromX, from] = points[i];
    return { what: titleOf(fromX, x), unit: 'x CPU per delivery and doubling', value: (value / from) ** (1 / Math.log2(x / fromX)) };
  });
}
