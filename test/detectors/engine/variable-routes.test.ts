import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ApiEvent, createEvent, type Route } from '../../../core/event.ts';
import { hashText } from '../../../core/hash.ts';
import { VariableRoutes } from '../../../detectors/engine/variable-routes.ts';
import { openBench } from '../bench.ts';
import { KeptState } from '../kept-state.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-03-02T00:00:00Z');
const KEY = { id: 'test:1', digest0: 11, digest1: 12, digest2: 13, digest3: 14 };

const shared = new Map<string, Route>();
/** Shared, as the caches of enrichment share them. */
function routeOf(template: string): Route {
  const route = shared.get(template) ?? { template, code: hashText(template) };
  shared.set(template, route);
  return route;
}

function use(template: string, day = 0, change: Partial<ApiEvent> = {}): ApiEvent {
  const at = START + day * DAY;
  return { ...createEvent(), at, route: routeOf(template), attested: true, status: 200, ...change };
}

/** Adds up the days up to one, as the end of a day does where one engine has all keys. */
function endDay(routes: VariableRoutes, day: number): void {
  const on = Math.floor(START / DAY) + day;
  routes.add(on, routes.close(on));
}

const names = (n: number, from = 0): string[] => [...Array(n).keys()].map((i) => `w${i + from}`);

test('a parent of many words is variable from the second day after on, and no other', () => {
  const routes = new VariableRoutes();
  const said = (template: string, day: number): string =>
    routes.resolve(use(template, day)).template;
  for (const name of names(200)) said(`/users/${name}/posts`, 0);
  for (const name of names(60)) said(`/v1/${name}`, 0);
  endDay(routes, 0);
  for (const day of [0, 1]) assert.equal(said('/users/zoe', day), '/users/zoe');
  assert.equal(said('/users/zoe', 2), '/users/{name}');
  assert.equal(said('/users/zoe/posts/{id}', 9), '/users/{name}/posts/{id}');
  assert.equal(said('/users', 2), '/users');
  assert.equal(said('/v1/w7', 2), '/v1/w7');
  assert.equal(said('s3.amazonaws.com:GetObject', 2), 's3.amazonaws.com:GetObject');
  const one = routes.resolve(use('/users/zoe', 2));
  assert.equal(one.code, hashText('/users/{name}'));
});

test('words that were not answered with success do not count, nor what came over many weeks', () => {
  const routes = new VariableRoutes();
  for (const [i, name] of names(300).entries()) {
    routes.resolve(use(`/a/${name}`, 0, { status: [0, 401, 404, 500][i % 4]! }));
    routes.resolve(use(`/b/${name}`, Math.floor(i / 2)));
    if (i % 2 === 1) endDay(routes, Math.floor(i / 2));
  }
  for (const parent of ['a', 'b']) {
    assert.equal(routes.resolve(use(`/${parent}/zoe`, 400)).template, `/${parent}/zoe`);
  }
});

test('what is remembered of routes makes no difference: cut anywhere, the same goes on', () => {
  const templates = names(48).flatMap((a) => names(48, 1000).map((b) => `/${a}/${b}/x`));
  const words = [...templates, ...names(150).map((name) => `/users/${name}/${name}`)];
  // Again, in other orders, with failures, late ones and a new week between.
  const events = [0, 1, 2.9, 3.2, 2.99, 5].flatMap((day, round) =>
    words.map((_, i) =>
      use(words[(i * (2 * round + 1)) % words.length]!, day, {
        status: i % 7 === round ? 404 : 200,
      }),
    ),
  );
  const whole = new VariableRoutes();
  let cut = new VariableRoutes();
  for (const [i, event] of events.entries()) {
    assert.deepEqual(cut.resolve(event), whole.resolve(event), `event ${i}`);
    if ((i + 1) % words.length === 0 && i < 2 * words.length) {
      for (const routes of [whole, cut]) endDay(routes, Math.floor(i / words.length));
    }
    if (i % 397 !== 0) continue;
    const next = new VariableRoutes();
    next.restore(JSON.parse(JSON.stringify(cut.save())));
    cut = next;
  }
  assert.deepEqual(cut.save(), whole.save());
  endDay(cut, 5);
  assert.equal(cut.resolve(use('/users/zoe/zoe', 30)).template, '/users/{name}/{name}');
});

test('made-up parents do not grow it', () => {
  const routes = new VariableRoutes();
  for (const a of names(90)) for (const b of names(90)) routes.resolve(use(`/${a}/${b}/x`));
  assert.ok(routes.refused > 0);
  assert.ok(JSON.stringify(routes.save()).length < 400_000);
  const merged = new VariableRoutes();
  const words = names(9000).map((name) => [name, ''] as const);
  merged.add(0, words);
  assert.equal(merged.save().parents.length, 2048);
});

test('detectors are told the name, people the route as it came; also after a restart', () => {
  const bench = openBench({ durable: true });
  const events = names(200).map((name, i) => use(`/users/${name}`, i / 400, { key: KEY }));
  events.push(
    ...names(40, 500).map((name, i) => use(`/users/${name}`, 3 + i / 4000, { key: KEY })),
  );
  const kept = new KeptState();
  for (const [position, event] of events.slice(0, 220).entries()) {
    bench.feed([{ ...event, position }]);
  }
  assert.equal(bench.engine.judge.subject.route.template, '/users/{name}');
  kept.take(bench.engine.checkpoint());
  const again = openBench({ durable: true, state: kept.load() });
  for (const [i, event] of events.slice(220).entries())
    again.feed([{ ...event, position: 220 + i }]);
  assert.equal(again.engine.judge.subject.route.template, '/users/{name}');
});

test('a late event of a day that is over does not count, whether its route is remembered or not', () => {
  const whole = new VariableRoutes();
  whole.resolve(use('/users/ann', 2.9));
  whole.resolve(use('/users/bob', 3.1));
  endDay(whole, 2);
  const cut = new VariableRoutes();
  cut.restore(JSON.parse(JSON.stringify(whole.save())));
  for (const routes of [whole, cut]) routes.resolve(use('/users/ann', 2.9));
  assert.deepEqual(cut.save(), whole.save());
});

test('words found by several engines add up, in any order', () => {
  const engines = [new VariableRoutes(), new VariableRoutes()];
  for (const [i, name] of names(160).entries()) engines[i % 2]!.resolve(use(`/users/${name}`, 0));
  const day = Math.floor(START / DAY);
  const told = engines.map((routes) => routes.close(day));
  engines[0]!.add(day, told.flat());
  engines[1]!.add(day, told.reverse().flat());
  assert.deepEqual(engines[0]!.save(), engines[1]!.save());
  assert.equal(engines[0]!.resolve(use('/users/zoe', 2)).template, '/users/{name}');
});
