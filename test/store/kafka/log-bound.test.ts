/** What kafkajs repeats is one line in ten seconds, with how often it came; what is new is said at once. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { warnNowAndThen } from '../../../store/kafka/log-bound.ts';

function rig() {
  const lines: string[] = [];
  const nothing = () => undefined;
  const logger = {
    debug: nothing,
    info: nothing,
    warn: (facts: object, text: string) => void lines.push(`${text} ${JSON.stringify(facts)}`),
  };
  return { lines, say: (text: string) => warnNowAndThen(logger, { client: 'detect' }, text) };
}

describe('what kafkajs repeats', () => {
  // Within the block: the files of a folder share a process, and a hook outside would hold up every test in it.
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  test('a cause is said at once, then once in ten seconds, and anew after it was over', () => {
    const { lines, say } = rig();
    for (let i = 0; i < 50; i++) say('refused');
    say('no topic');
    assert.deepEqual(lines.splice(0), [
      'refused {"client":"detect"}',
      'no topic {"client":"detect"}',
    ]);
    mock.timers.tick(10_000);
    assert.deepEqual(lines.splice(0), ['refused (49 more in 10 s) {"client":"detect","times":49}']);
    say('refused');
    mock.timers.tick(10_000);
    assert.deepEqual(lines.splice(0), ['refused (1 more in 10 s) {"client":"detect","times":1}']);
    mock.timers.tick(10_000);
    say('refused');
    assert.deepEqual(lines, ['refused {"client":"detect"}']);
  });

  test('however many causes there are, lines and memory are bounded', () => {
    const { lines, say } = rig();
    for (let i = 0; i < 5000; i++) say(`cause ${i}`);
    assert.ok(lines.length < 110, `${lines.length} lines`);
    lines.length = 0;
    mock.timers.tick(10_000);
    assert.deepEqual(lines, [
      'kafka: other trouble (4899 more in 10 s) {"client":"detect","times":4899}',
    ]);
  });
});
