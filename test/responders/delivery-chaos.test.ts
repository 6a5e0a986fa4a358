/** Deliveries under random failures and restarts: what people know in the end is how it ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alert } from '../../core/alert.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { mix32 } from '../../core/hash.ts';
import { DOWN, GONE, Rig } from './delivery-rig.ts';

const RUNS = 100;
const STEPS = 50;
const IDS = 6;

/** 0 to below n, the same for a seed. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = mix32(state, 0x9e37_79b9) >>> 0;
    return state % n;
  };
}

type Told = Pick<Alert, 'id' | 'revision' | 'state' | 'severity' | 'done'>;

class Story {
  readonly rig = new Rig(
    [
      { name: 'a', severity: 'info', fallback: 'b' },
      { name: 'b', kinds: [] },
    ],
    {
      alertsMax: IDS,
    },
  );
  readonly #draw: (n: number) => number;
  readonly last = new Map<string, Told>();

  constructor(seed: number) {
    this.#draw = dice(seed);
  }

  async play(): Promise<void> {
    for (let step = 0; step < STEPS; step++) await this.#step();
    this.rig.answers.clear();
    await this.rig.pass(7_200_000);
  }

  async #step(): Promise<void> {
    const { rig } = this;
    const kind = this.#draw(10);
    if (kind < 5) await this.#tell();
    else if (kind < 7) await rig.pass(this.#draw(40_000));
    else if (kind === 7) rig.answers.set('a', this.#draw(4) === 0 ? GONE : DOWN);
    else if (kind === 8) rig.answers.delete('a');
    else {
      rig.start();
      await rig.deliveries.restore();
      // The incidents that are open are told again, as after a crash.
      for (const told of this.last.values()) await rig.tell(told);
    }
  }

  async #tell(): Promise<void> {
    const id = `i${this.#draw(IDS)}`;
    const known = this.last.get(id) ?? {
      id,
      revision: 0,
      state: 'firing',
      severity: 'low',
      done: [],
    };
    const what = this.#draw(4);
    const next: Told = {
      id,
      revision: known.revision + 1,
      state: what === 0 && known.revision > 0 ? 'resolved' : 'firing',
      severity: SEVERITIES[1 + this.#draw(5)]!,
      done: what === 1 ? [...known.done, `line ${known.done.length}`] : known.done,
    };
    this.last.set(id, next);
    await this.rig.tell(next);
  }
}

test('whatever fails and restarts, the last word on each alert is how it ended', async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const story = new Story(seed);
    await story.play();
    const { rig } = story;
    for (const told of story.last.values()) {
      // Whoever reads both channels: the last that was said of it.
      const said = rig.sent.flatMap(({ alerts }) => alerts.filter(({ id }) => id === told.id));
      const newest = said.reduce((max, one) => (one.revision > max.revision ? one : max), said[0]!);
      const where = `seed ${seed}, ${told.id}`;
      assert.equal(newest?.state, told.state, where);
      assert.deepEqual(newest.done, told.done, where);
      const worst = Math.max(...said.map(({ severity }) => SEVERITIES.indexOf(severity)));
      if (told.state === 'firing') assert.ok(worst >= SEVERITIES.indexOf(told.severity), where);
    }
    assert.deepEqual(await rig.store.deliveries(), [], `seed ${seed}: nothing is left`);
    const revisions = rig.sent
      .filter(({ channel }) => channel === 'a')
      .flatMap(({ alerts }) => alerts)
      .filter(({ id }) => id === 'i0')
      .map(({ revision }) => revision);
    assert.deepEqual(
      [...revisions].sort((a, b) => a - b),
      revisions,
      `seed ${seed}: in order`,
    );
  }
});
