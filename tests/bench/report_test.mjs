// What the report makes of rows. Run by CTest where node is at hand: node --test tests/bench/report_test.mjs
import assert from 'node:assert/strict';
import test from 'node:test';
import { judge } from './bar.mjs';
import { doublings } from './doubling.mjs';
import { doubts } from './doubts.mjs';
import { figure, median } from './figures.mjs';
import { quietest } from './host.mjs';
import { table } from './table.mjs';

const row = (round, server, value, more) => ({ round, what: 'a case', server, unit: 'us', value, ...more });
const bar = { what: 'a case', unit: 'us', against: 'uws', atMost: 1.1 };

test('a median of an even number lies between the middle two', () => assert.equal(median([4, 1, 3, 2]), 2.5));

test('figures have three digits that matter', () => assert.deepEqual([1234.5, 12.34, 1.2345, 0.012345, 0].map(figure), ['1,235', '12.3', '1.23', '0.0123', '0']));

test('a ratio is of one round, so a machine that slows down changes none', () => {
  const rows = [row(1, 'hubbub', 1), row(1, 'uws', 1), row(2, 'uws', 100), row(2, 'hubbub', 100), row(3, 'hubbub', 7)];
  assert.equal(judge(rows, bar).median, 1);
});

test('a bar that is missed says so, and by how much', () => {
  const { met, text } = judge([row(1, 'hubbub', 3), row(1, 'uws', 2)], bar);
  assert.equal(met, false);
  assert.match(text, /^MISSED {2}a case: 1\.50 us, hubbub \/ uws; at most 1\.10$/);
});

test('more may be asked for than less', () => {
  const rows = [row(1, 'hubbub', 30), row(1, 'uws', 2)];
  assert.equal(judge(rows, { what: 'a case', unit: 'us', against: 'uws', atLeast: 10 }).met, true);
  assert.equal(judge(rows, { what: 'a case', unit: 'us', atMost: 29 }).met, false);
});

test('a bar without anything to compare is neither met nor missed', () => {
  assert.equal(judge([row(1, 'hubbub', 1)], bar), undefined);
  assert.equal(judge([{ round: 1, what: 'a case', server: 'hubbub', failed: 'it fell over' }], { ...bar, against: undefined }), undefined);
});

test('a step of more than two is shared out to its doublings', () => {
  const [step] = doublings([[10, 3], [80, 24]], (a, b) => `${a} to ${b}`);
  assert.equal(step.what, '10 to 80');
  assert.ok(Math.abs(step.value - 2) < 1e-9);
});

test('the table has each case, unit and server once, and what failed stands below', () => {
  const rows = [row(1, 'hubbub', 2), row(1, 'uws', 4), row(2, 'uws', 4), row(2, 'hubbub', 1), { round: 2, what: 'a case', server: 'ws', failed: 'no port' }];
  const lines = table(rows).split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[3], /uws +\| +4\.00 \| 4\.00 - 4\.00 \| 0\.375 \(0\.250 - 0\.500\) \|$/);
  assert.deepEqual(doubts(rows), ['- a case, ws, round 2: did not work: no port']);
});

test('a generator that was near its limit is named', () => {
  assert.match(doubts([row(1, 'hubbub', 2, { load_cpu_pct: 97 }), row(1, 'uws', 2, { load_cpu_pct: 40 })]).join(), /in 1 of 2 cases, a case: hubbub 97$/);
});

test('a round is measured until it was quiet, or often enough', async () => {
  let times = 0;
  const once = async () => ++times;
  assert.equal((await quietest(100, once)).rows, 1);
  assert.equal(times, 1);
  times = 0;
  const { rows, stolen } = await quietest(-1, once, 3);
  assert.equal(times, 3);
  assert.ok(rows >= 1 && rows <= 3 && stolen >= 0 && stolen <= 100);
});
