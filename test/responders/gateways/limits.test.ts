/** The stricter of two limits, whatever they are; and what is written into tags and labels is read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as apisix from '../../../responders/gateways/apisix-limits.ts';
import {
  type KongLimits,
  limitsOf,
  readTags,
  strictest,
  WINDOWS,
  writeTags,
} from '../../../responders/gateways/kong-limits.ts';
import { implies, inUnits, stricterLimit } from '../../../responders/gateways/single-limit.ts';

const limit = fc
  .tuple(
    fc.integer({ min: 1, max: 10_000 }),
    fc.constantFrom(500, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000),
  )
  .map(([requests, windowMs]) => ({ requests, windowMs }));
const windows: fc.Arbitrary<KongLimits> = fc
  .array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 6 })
  .map((values) => [...values].sort((a, b) => a - b))
  .map((values) => Object.fromEntries(values.map((value, i) => [WINDOWS[i]!, value])));

/** Most requests in a second and in the window of each, as the fixed windows of both allow. */
function allowed(
  { requests, windowMs }: { requests: number; windowMs: number },
  spanMs: number,
): number {
  return requests * Math.max(1, spanMs / windowMs);
}

test('the stricter of two limits lets through no more than either, in any span', () => {
  fc.assert(
    fc.property(limit, limit, (a, b) => {
      const both = stricterLimit(a, b);
      for (const span of [500, 1000, 60_000, 3_600_000, 86_400_000]) {
        assert.ok(allowed(both, span) <= Math.min(allowed(a, span), allowed(b, span)) + 1e-6);
      }
      assert.ok(implies(both, a) && implies(both, b));
      assert.deepEqual(stricterLimit(both, a), both);
    }),
  );
});

test('a limit in whole seconds lets through no more than it did', () => {
  fc.assert(
    fc.property(limit, (given) => {
      const whole = inUnits(given, 1000);
      assert.ok(Number.isInteger(whole.windowMs / 1000) && whole.requests >= 1);
      assert.ok(Number.isInteger(whole.requests));
      assert.ok(whole.requests / whole.windowMs <= given.requests / given.windowMs + 1e-12);
    }),
  );
});

test('Kong’s windows after a limit is added are in its order, and none is laxer than before', () => {
  fc.assert(
    fc.property(windows, limit, (base, asked) => {
      const added = limitsOf(asked);
      const both = strictest(base, added);
      const values = WINDOWS.map((window) => both[window]).filter((value) => value !== undefined);
      assert.deepEqual(
        values,
        [...values].sort((a, b) => a - b),
      );
      for (const window of WINDOWS) {
        if (base[window] !== undefined) assert.ok(both[window]! <= base[window]);
      }
      assert.deepEqual(strictest(both, added), both, 'it is in it');
      assert.ok(values.length > 0);
    }),
  );
});

test('a limit in one of Kong’s windows has no higher rate than was asked for, unless it is below one a year', () => {
  const ms = [1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000, 365 * 86_400_000];
  fc.assert(
    fc.property(limit, (asked) => {
      const [[window, requests] = []] = Object.entries(limitsOf(asked));
      const windowMs = ms[WINDOWS.indexOf(window as (typeof WINDOWS)[number])]!;
      assert.ok(requests! / windowMs <= asked.requests / asked.windowMs + 1e-12);
    }),
  );
});

const entry = fc
  .tuple(fc.stringMatching(/^act_[a-z0-9]{1,36}$/), fc.stringMatching(/^[a-z0-9-]{1,36}$/), limit)
  .map(([action, credential, limit]) => ({ action, credential, limit }));
const entries = fc.uniqueArray(entry, {
  selector: ({ action }) => action,
  minLength: 1,
  maxLength: 4,
});

test('what is written into Kong’s tags is read back, beside the operator’s own', () => {
  const was = fc.option(
    fc.record(
      {
        enabled: fc.boolean(),
        limitBy: fc.constantFrom('ip', 'consumer-group'),
        limits: windows,
      },
      { noNullPrototype: true },
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(entries, was, windows, fc.boolean(), (list, before, over, made) => {
      const tags = writeTags({ made, entries: list, was: before, over, others: ['team-a', 'b'] });
      for (const tag of tags) assert.match(tag, /^[\x20-\x2b\x2d\x2e\x30-\x7e]+$/);
      const read = readTags(tags);
      const sorted = [...list].sort((a, b) => (a.action < b.action ? -1 : 1));
      assert.deepEqual(
        { ...read, entries: [...read.entries].sort((a, b) => (a.action < b.action ? -1 : 1)) },
        { made, entries: sorted, was: before, over, others: ['team-a', 'b'] },
      );
    }),
  );
  assert.deepEqual(
    writeTags({ made: true, entries: [], was: undefined, over: {}, others: ['a'] }),
    ['a'],
  );
});

test('what is written into APISIX’s labels is read back, beside the operator’s own', () => {
  const was = fc.option(
    fc.record({ count: fc.nat(), key: fc.string(), group: fc.string() }, { noNullPrototype: true }),
    {
      nil: null,
    },
  );
  fc.assert(
    fc.property(entries, was, fc.option(limit, { nil: undefined }), (list, before, over) => {
      const labels = apisix.writeMarks({ entries: list, was: before, over, others: { team: 'a' } });
      for (const value of Object.values(labels ?? {})) assert.match(String(value), /^\S+$/);
      const read = apisix.readMarks(labels);
      assert.deepEqual(read.others, { team: 'a' });
      assert.deepEqual([read.was, read.over], [before, over]);
      assert.deepEqual(
        read.entries,
        [...list].sort((a, b) => (a.action < b.action ? -1 : 1)),
      );
    }),
  );
  assert.equal(
    apisix.writeMarks({ entries: [], was: null, over: undefined, others: {} }),
    undefined,
  );
});

test('labels and tags that only look like ours are the operator’s', () => {
  const tags = ['keyhound:act', 'keyhound-was:x', 'keyhound:act_1:cred:many:windows', 'KEYHOUND'];
  assert.deepEqual(readTags(tags).others, tags);
  const labels = { 'keyhound-act_1': 'cred:x:1', 'keyhound-Act': 'cred:5:1000', keyhound: '1' };
  assert.deepEqual(apisix.readMarks(labels).others, labels);
});
