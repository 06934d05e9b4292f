// What a scenario is given: which servers it measures in this round, and a place for what fails.
import { settings } from './settings.mjs';

/** The rows of one server in one case: `use` answers [unit, value, more?] of each. A failure is a row too, and the run goes on. */
async function* measured(what, server, use) {
  if (!settings.only.test(what)) return;
  try {
    for (const [unit, value, more] of await use()) yield { what, server, unit, value, ...more };
  } catch (error) {
    yield { what, server, failed: error.message };
  }
}

export const benchOf = (round) => ({
  ...settings,
  round,
  measured,
  /** Those of `names` that were chosen, hubbub among them; in the other order every second round, so that a drift hits both. */
  turns: (names) => {
    const here = names.filter((name) => settings.chosen.includes(name.split(',')[0]));
    return round % 2 ? here : here.reverse();
  },
});

/** 1000 -> "1,000" */
export const number = (n) => n.toLocaleString('en-US');
