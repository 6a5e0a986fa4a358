import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { keyEntrySchema } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { loadRegistry } from '../../enrich/registry.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-registry-'));
after(() => fs.rmSync(folder, { recursive: true }));
const entry = (value: object) => keyEntrySchema.parse(value);

function load(name: string, text: string) {
  fs.writeFileSync(path.join(folder, name), text);
  return loadRegistry(name, folder);
}

/** The faults that a file is refused with. */
function faults(name: string, text: string): string[] {
  try {
    load(name, text);
  } catch (error) {
    assert.ok(error instanceof KeyhoundError && error.kind === 'usage');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

test('a CSV file with quoted cells, lists and days is read', () => {
  const registry = load(
    'keys.csv',
    '\ufeffid,label,consumer,protected,createdAt,scope.routes,scope.methods,timeZone\r\n' +
      'kong:a,"Shop, ""main""\nline",acme,yes,2026-01-02,/v1/a /v1/b,GET;POST,Europe/Berlin\r\n' +
      '\r\n' +
      'kong:b,,,,,,,\r\n',
  );
  assert.equal(registry.size, 2);
  const first = registry.entry('kong:a');
  assert.equal(first?.label, 'Shop, "main"\nline');
  assert.equal(first?.protected, true);
  assert.equal(first?.createdAt, '2026-01-02T00:00:00Z');
  assert.deepEqual(first?.scope, { routes: ['/v1/a', '/v1/b'], methods: ['GET', 'POST'] });
  assert.equal(registry.entry('kong:b')?.risk, 'normal');
  assert.equal(registry.entry('kong:c'), undefined);
});

test('a JSON file is read, as an array or under "keys"', () => {
  for (const text of [
    '[{"id":"kong:a"}]',
    '{"keys":[{"id":"kong:a"}]}',
    '\ufeff[{"id":"kong:a"}]',
  ]) {
    assert.equal(load('keys.json', text).size, 1);
  }
});

test('entries of the configuration work without a file', () => {
  const registry = loadRegistry(
    [entry({ id: 'kong:a', label: 'x' }), entry({ id: 'kong:b', label: 'x' })],
    folder,
  );
  assert.deepEqual(
    registry.withLabel('x').map(({ id }) => id),
    ['kong:a', 'kong:b'],
  );
  assert.deepEqual(registry.withLabel('y'), []);
  assert.deepEqual(
    [...registry.all()].map(({ id }) => id),
    ['kong:a', 'kong:b'],
  );
});

test('the version is that of the content, not of its order or form', () => {
  const csv = load('one.csv', 'id,label\nkong:a,x\nkong:b,\n');
  const json = load('two.json', '[{"id":"kong:b"},{"label":"x","id":"kong:a","risk":"normal"}]');
  assert.equal(csv.version, json.version);
  assert.notEqual(csv.version, load('one.csv', 'id,label\nkong:a,y\nkong:b,\n').version);
  assert.match(loadRegistry([], folder).version, /^[0-9a-f]{16}$/);
});

test('all faults of a CSV file are told at once with their lines', () => {
  const told = faults(
    'bad.csv',
    'id,label,risk,timeZone,createdAt,rotatedAt,protected\n' +
      'kong:a,"two\nlines",normal,Mars/Base,,,\n' +
      'kong:b,x,extreme,,yesterday,,maybe\n' +
      'kong:a,x,,,2026-02-01,2026-01-01,\n' +
      'too,few\n' +
      'sk_live_canary,x,,,,,\n',
  );
  const expected = [
    /^line 2: timeZone/,
    /^line 4: risk/,
    /^line 4: createdAt/,
    /^line 4: protected/,
    /^line 5: id: the same as in line 2$/,
    /^line 5: rotatedAt: before createdAt$/,
    /^line 6: 2 cells, the header has 7$/,
    /^line 7: id: must be GATEWAY:credential-id/,
  ];
  for (const pattern of expected) {
    assert.ok(
      told.some((line) => pattern.test(line)),
      `${pattern} in\n${told.join('\n')}`,
    );
  }
  assert.equal(told.length, expected.length, told.join('\n'));
});

test('faults of a JSON file have the line of their entry', () => {
  const text =
    '[\n {"id":"kong:a"},\n {\n  "id":"kong:b", "note":"[{"},\n {"id":"kong:c","risk":7}\n]';
  assert.deepEqual(
    faults('bad.json', text).map((line) => line.split(':').slice(0, 2).join(':')),
    ['line 3: Unrecognized key', 'line 5: risk'],
  );
  assert.deepEqual(faults('bad.json', '[\n {"id":"kong:a"},\n {"id" "sk_live_canary"}]'), [
    'line 3: not valid JSON',
  ]);
  assert.match(faults('bad.json', '{"entries":[]}')[0] ?? '', /array/);
});

test('broken quotes, unknown columns and files that are not there are told', () => {
  assert.match(faults('q.csv', 'id,label\nkong:a,"open\nkong:b,x\n')[0] ?? '', /^line 2: a quote/);
  assert.match(faults('q.csv', 'id,label\nkong:a,"x"y\n')[0] ?? '', /^line 2: text behind/);
  assert.match(faults('q.csv', 'id,lable\nkong:a,x\n')[0] ?? '', /^line 1: column 2 .*label\?$/);
  assert.match(faults('q.csv', '')[0] ?? '', /no header/);
  assert.throws(() => loadRegistry('none.csv', folder), { code: 'keys-unreadable' });
});

test('a key that is its own predecessor over some steps is refused, a chain is not', () => {
  const chain = 'id,predecessor\nkong:a,kong:b\nkong:b,kong:c\nkong:c,\nkong:d,kong:gone\n';
  assert.deepEqual(faults('chain.csv', chain), []);
  const loop = 'id,predecessor\nkong:a,kong:b\nkong:b,kong:c\nkong:c,kong:a\nkong:d,kong:a\n';
  assert.equal(faults('loop.csv', loop).length, 1);
  assert.equal(faults('self.csv', 'id,predecessor\nkong:a,kong:a\n').length, 1);
});

test('a key knows who took its place, also one that left the registry; of several the first made', () => {
  const keys = [
    { id: 'kong:late', predecessor: 'kong:old', createdAt: '2026-03-05T00:00:00Z' },
    { id: 'kong:first', predecessor: 'kong:old', createdAt: '2026-03-01T00:00:00Z' },
    { id: 'kong:undated', predecessor: 'kong:old' },
    { id: 'kong:b', predecessor: 'kong:a' },
    { id: 'kong:a', label: 'app' },
  ].map(entry);
  for (const order of [keys, [...keys].reverse()]) {
    const directory = loadRegistry(order, folder);
    assert.equal(directory.declared('kong:old', '')?.successor?.id, 'kong:first');
    assert.equal(directory.declared('kong:old', '')?.entry, undefined);
    assert.equal(directory.declared('kong:a', '')?.successor?.id, 'kong:b');
    assert.equal(directory.declared('kong:a', '')?.entry?.label, 'app');
    assert.equal(directory.declared('kong:b', '')?.successor, undefined);
    assert.equal(directory.declared('kong:never', ''), undefined);
  }
});

test('the zone of a key: its own, else of its consumer, by the registry or by the log', () => {
  const keys = [
    { id: 'kong:own', consumer: 'acme', timeZone: 'Asia/Tokyo' },
    { id: 'kong:acme', consumer: 'acme' },
    { id: 'kong:other', consumer: 'other' },
    { id: 'kong:unsaid' },
  ].map(entry);
  const consumers = [{ name: 'acme', timeZone: 'Europe/Berlin' }];
  const directory = loadRegistry(keys, folder, consumers);
  const zone = (id: string, consumer: string) => directory.declared(id, consumer)?.timeZone;
  assert.equal(zone('kong:own', 'acme'), 'Asia/Tokyo');
  assert.equal(zone('kong:acme', ''), 'Europe/Berlin');
  // The registry knows better than the log.
  assert.equal(zone('kong:other', 'acme'), undefined);
  assert.equal(zone('kong:unsaid', ''), undefined);
  assert.equal(zone('kong:unsaid', 'acme'), 'Europe/Berlin');
  assert.equal(directory.declared('kong:unsaid', 'acme')?.entry?.id, 'kong:unsaid');
  assert.equal(zone('kong:stranger', 'acme'), 'Europe/Berlin');
  assert.equal(directory.declared('kong:stranger', 'nobody'), undefined);
  assert.notEqual(directory.version, loadRegistry(keys, folder).version);
});

test('a raw key is refused where an id belongs, as predecessor too', () => {
  const text = '[{"id":"kong:a","predecessor":"sk_live_canary"},{"id":"sk_live_canary"}]';
  assert.deepEqual(
    faults('raw.json', text).map((line) => line.split(':').slice(0, 2).join(':')),
    ['line 1: predecessor', 'line 1: id'],
  );
});

test('no message quotes what stands in the file', () => {
  const raw = 'sk_live_canary_0123456789';
  const files: [string, string][] = [
    ['a.csv', `${raw},x\n${raw},${raw}\n`],
    ['b.csv', `id,risk,timeZone,createdAt,protected\n${raw},${raw},${raw},${raw},${raw}\n`],
    ['c.json', `[{"id":"${raw}","risk":"${raw}"},`],
    ['d.json', `[{"id":"${raw}","risk":"${raw}","protected":"${raw}","predecessor":"${raw}"}]`],
  ];
  for (const [name, text] of files) {
    const told = faults(name, text);
    assert.ok(told.length > 0, name);
    assert.ok(!told.join('\n').includes(raw), `${name}: ${told.join('\n')}`);
  }
});

test('more faults than a screen holds are counted', () => {
  const rows = Array.from({ length: 50 }, () => 'raw').join('\n');
  const told = faults('many.csv', `id\n${rows}\n`);
  assert.match(told.at(-1) ?? '', /^and \d+ more$/);
});
