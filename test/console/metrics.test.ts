import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../console/metrics.ts';
import { snapshot, sourceMetrics } from './fakes.ts';

interface Exposition {
  /** Type by metric name. */
  readonly types: ReadonlyMap<string, string>;
  /** Value by name and labels, as written. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^([a-z][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/;

/** The text format, read strictly: anything else fails the test. */
function parse(text: string): Exposition {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) {
      assert.ok(!types.has(type[1]!), `declared once: ${line}`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const sample = SAMPLE.exec(line);
    assert.ok(sample !== null, `not a sample: ${line}`);
    const value = Number(sample[3]);
    // Node's own delay of the event loop is not known in its first moments.
    assert.ok(Number.isFinite(value) || /^keyhound_nodejs_.* Nan$/.test(line), `finite: ${line}`);
    assert.ok(!samples.has(`${sample[1]}${sample[2] ?? ''}`), `written once: ${line}`);
    samples.set(`${sample[1]}${sample[2] ?? ''}`, value);
  }
  return { types, samples };
}

const UNITS =
  'records|events|findings|incidents|letters|pushes|connections|documents|messages|keys|actions|reports|answers|failures|callers|bytes|seconds|ratio|count|info';

test('every name follows the rule, and counters alone end in _total', async () => {
  const { types } = parse(await createMetrics(() => snapshot()).text());
  assert.ok(types.size > 20);
  for (const [name, type] of types) {
    // These two groups have the names that every Node dashboard expects.
    const common = /^keyhound_(process|nodejs)_/.test(name);
    if (!common) assert.match(name, new RegExp(`^keyhound(_[a-z]+)+_(${UNITS})(_total)?$`));
    const counts = /_total$/.test(name);
    if (!common || counts) assert.equal(counts, type === 'counter', `${name} is a ${type}`);
  }
});

test('a scrape tells what the snapshot says at that moment', async () => {
  let records = 10;
  const metrics = createMetrics(() => snapshot({ sources: [sourceMetrics('web', { records })] }));
  const first = parse(await metrics.text()).samples;
  assert.equal(first.get('keyhound_intake_records_total{source="web"}'), 10);
  records = 25;
  const { samples } = parse(await metrics.text());
  const expected = {
    'keyhound_intake_records_total{source="web"}': 25,
    'keyhound_rejected_records_total{source="web",reason="malformed"}': 1,
    'keyhound_future_records_total{source="web"}': 2,
    'keyhound_late_records_total{source="web"}': 1,
    'keyhound_duplicate_records_total{source="web"}': 5,
    'keyhound_duplicates_ratio{source="web"}': 0.2,
    'keyhound_clock_skew_seconds{source="web"}': -1.5,
    keyhound_refused_pushes_total: 4,
    'keyhound_opened_findings_total{detector="volume-spike"}': 2,
    'keyhound_incidents_count{severity="medium"}': 1,
    'keyhound_incidents_count{severity="critical"}': 0,
    'keyhound_readiness_keys{detector="volume-spike",state="ready"}': 3,
    'keyhound_readiness_keys{detector="volume-spike",state="unprotected"}': 0,
    keyhound_checkpoint_age_seconds: 2.5,
    keyhound_watermark_lag_seconds: 0.9,
    keyhound_spool_bytes: 77,
    keyhound_dead_letters_total: 3,
    'keyhound_traffic_info{state="live"}': 1,
    'keyhound_traffic_info{state="none"}': 0,
  };
  for (const [name, value] of Object.entries(expected))
    assert.equal(samples.get(name), value, name);
  assert.ok(samples.get('keyhound_process_resident_memory_bytes')! > 0);
});

test('losses are told of the sources that can have any, where they are known', async () => {
  const lost = { full: 3, kernel: undefined, missing: 2 };
  const sources = [sourceMetrics('udp', { lost, refusedConnections: 4 }), sourceMetrics('file')];
  const { samples } = parse(await createMetrics(() => snapshot({ sources })).text());
  const told = [...samples].filter(([name]) => /lost|refused_conn/.test(name));
  assert.deepEqual(told, [
    ['keyhound_lost_records_total{source="udp",reason="full"}', 3],
    ['keyhound_lost_records_total{source="udp",reason="missing"}', 2],
    ['keyhound_refused_connections_total{source="udp"}', 4],
  ]);
});

test('lag is told by partition, of sources of kind kafka alone', async () => {
  const lag = [
    { topic: 'logs', partition: 0, position: 7, end: 10 },
    { topic: 'logs', partition: 1, position: 4, end: 4 },
  ];
  const sources = [
    sourceMetrics('edge', { kafka: { lag, poison: 2, lost: 5 } }),
    sourceMetrics('web'),
  ];
  const { samples } = parse(await createMetrics(() => snapshot({ sources })).text());
  assert.deepEqual(
    [...samples].filter(([name]) => name.includes('_messages')),
    [
      ['keyhound_source_lag_messages{source="edge",topic="logs",partition="0"}', 3],
      ['keyhound_source_lag_messages{source="edge",topic="logs",partition="1"}', 0],
      ['keyhound_poison_messages_total{source="edge"}', 2],
      ['keyhound_lost_messages_total{source="edge"}', 5],
      ['keyhound_damaged_messages_total', 0],
      ['keyhound_unheard_messages_total', 0],
    ],
  );
});

test('what is not known is absent, not zero', async () => {
  const unknown = { checkpointAgeMs: undefined, checkpointMs: undefined, lagMs: undefined };
  let now = snapshot();
  const metrics = createMetrics(() => now);
  await metrics.text();
  now = snapshot({ ...unknown, sources: [sourceMetrics('web', { clockSkewMs: undefined })] });
  const { samples } = parse(await metrics.text());
  for (const name of samples.keys()) {
    assert.doesNotMatch(name, /checkpoint|watermark_lag|clock_skew/);
  }
});

test('the number of series is bounded, whatever the names', async () => {
  const sources = Array.from({ length: 5000 }, (_, i) =>
    sourceMetrics(`source-${i}`, { rejected: { [`made-up-${i}`]: 1 } }),
  );
  const { samples } = parse(await createMetrics(() => snapshot({ sources })).text());
  assert.ok(samples.size < 3000, `${samples.size} series`);
  assert.equal(samples.get('keyhound_intake_records_total{source="other"}'), 4800 * 10);
  assert.equal(samples.get('keyhound_rejected_records_total{source="source-0",reason="other"}'), 1);
});

test('a hostile name stays inside its label', async () => {
  const name = 'a"} 1\nkeyhound_fake_count 9\\';
  const sources = [sourceMetrics(name)];
  const { samples } = parse(await createMetrics(() => snapshot({ sources })).text());
  assert.ok(![...samples.keys()].some((sample) => sample.startsWith('keyhound_fake')));
});

test('what became of records is told also by who does not read them', async () => {
  const applied = [{ name: 'web', late: 7, duplicates: 3, repeats: 2 }];
  const { samples } = parse(await createMetrics(() => snapshot({ sources: [], applied })).text());
  assert.equal(samples.get('keyhound_late_records_total{source="web"}'), 7);
  assert.equal(samples.get('keyhound_duplicate_records_total{source="web"}'), 3);
  assert.equal(samples.get('keyhound_repeat_records_total{source="web"}'), 2);
  assert.equal(samples.get('keyhound_intake_records_total{source="web"}'), undefined);
});
