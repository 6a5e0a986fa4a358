import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkFiles } from '../../app/config/files.ts';
import { faultInWords, loadConfig, readConfig } from '../../app/config.ts';
import { KeyhoundError } from '../../core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-config-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(text: string, name = `config-${files++}.yaml`): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
function load(text: string, env: Record<string, string> = {}) {
  return loadConfig({ file: write(text), env, cwd: folder }).config;
}
function faults(text: string, env: Record<string, string> = {}): string[] {
  return readConfig({ file: write(text), env, cwd: folder }).faults.map(faultInWords);
}

test('without a file there are defaults', () => {
  const loaded = loadConfig({ env: {}, cwd: folder });
  assert.equal(loaded.path, undefined);
  assert.equal(loaded.config.listen.intake, '127.0.0.1:8422');
  assert.equal(loaded.config.state.dir, join(folder, '.keyhound'));
});

test('--config goes before $KEYHOUND_CONFIG, and that before ./keyhound.yaml', () => {
  const flag = write('log: {level: error}');
  const fromEnv = write('log: {level: warn}');
  const plain = write('log: {level: debug}', 'keyhound.yaml');
  const level = (file: string | undefined, env: Record<string, string>): string =>
    loadConfig({ file, env, cwd: folder }).config.log.level;
  assert.equal(level(flag, { KEYHOUND_CONFIG: fromEnv }), 'error');
  assert.equal(level(undefined, { KEYHOUND_CONFIG: fromEnv }), 'warn');
  assert.equal(level(undefined, {}), 'debug');
  rmSync(plain);
});

test('a file that was asked for must be there', () => {
  for (const request of [
    { file: 'absent.yaml', env: {} },
    { env: { KEYHOUND_CONFIG: 'a.yaml' } },
  ]) {
    assert.throws(
      () => loadConfig({ ...request, cwd: folder }),
      (error) => error instanceof KeyhoundError && error.kind === 'usage',
    );
  }
});

test('what was loaded cannot be changed, however deep', () => {
  const config = load('sources: [{name: a, kind: file, format: kong, path: a.log}]');
  assert.throws(() => Object.assign(config, { log: {} }), TypeError);
  assert.throws(() => Object.assign(config.sources[0]!, { name: 'b' }), TypeError);
});

test('paths of a file are relative to that file', () => {
  const config = load('state: {dir: s}\nkeys: keys.csv\ngeography: {city: c.mmdb}');
  assert.equal(config.state.dir, join(folder, 's'));
  assert.equal(config.keys, join(folder, 'keys.csv'));
  assert.equal(config.geography.city, join(folder, 'c.mmdb'));
  const secure = load(
    'kafka: {brokers: ["k:9093"], tls: {ca: ca.pem}}\n' +
      'redis: {url: "rediss://r", tls: {cert: c.pem, key: /k.pem}}\n' +
      'tls: {intake: {cert: c.pem, key: k.pem, clientCa: ca.pem}}\n' +
      'sources: [{name: a, kind: kafka, format: kong, topic: t, brokers: ["k:1"], tls: {ca: ca.pem, serverName: s}}]',
  );
  const ca = join(folder, 'ca.pem');
  assert.deepEqual(secure.kafka!.tls, { ca });
  assert.deepEqual(secure.redis!.tls, { cert: join(folder, 'c.pem'), key: '/k.pem' });
  assert.equal(secure.tls.intake!.clientCa, ca);
  assert.deepEqual(secure.sources[0]!.tls, { ca, serverName: 's' });
});

test('a pipe is no configuration: read again it would be empty, that is, all defaults', () => {
  const pipe = join(folder, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  assert.throws(
    () => readConfig({ file: pipe, env: {}, cwd: folder }),
    (error) => error instanceof KeyhoundError && /is a pipe/.test(error.message),
  );
});

test('${env:…} and ${file:…} fill in texts, and numbers where one is expected', () => {
  write('a-secret-of-a-file\n', 'token');
  const config = load(
    'sources:\n  - {name: a, kind: http, format: kong, token: "${file:token}"}\n' +
      '  - {name: b, kind: http, format: kong, token: "x-${env:TOKEN}-y"}\n' +
      'intake: {commitMs: "${env:COMMIT}"}\n' +
      'detectors: {off-hours: {enabled: "${env:OFF}", requestsMin: "${env:COMMIT}"}}',
    { TOKEN: 'twelve${env:NO}', COMMIT: '25', OFF: 'false' },
  );
  assert.equal(config.sources[0]!.token, 'a-secret-of-a-file');
  assert.equal(config.sources[1]!.token, 'x-twelve${env:NO}-y');
  assert.equal(config.intake.commitMs, 25);
  assert.deepEqual(config.detectors['off-hours'], { enabled: false, requestsMin: 25 });
});

test('variables of nginx in a log format are left alone', () => {
  const text = '"$remote_addr ${request} $status"';
  const file = write(
    `sources: [{name: a, kind: file, path: a.log, format: nginx, logFormat: ${text}}]`,
  );
  const parts = { formats: [{ id: 'nginx' }], detectors: [] };
  const { config } = loadConfig({ file, env: {}, cwd: folder, parts });
  assert.equal(config.sources[0]!.logFormat, '$remote_addr ${request} $status');
});

test('what cannot be filled in is told, with what can', () => {
  assert.deepEqual(faults('state: {dir: "${env:NOT_THERE}"}\nkeys: "${file:none}"'), [
    'line 1, state.dir: environment variable NOT_THERE is not set. Set NOT_THERE, or write the value in its place.',
    'line 2, keys: file none cannot be read (ENOENT). Check path and permissions.',
  ]);
  for (const scheme of ['vault', 'awssm', 'sops']) {
    const [fault] = faults(`state:\n  dir: "\${${scheme}:a#b}"`);
    assert.match(
      fault!,
      /^line 2, state\.dir: .* This version reads \$\{env:NAME\}, \$\{file:PATH\}, \$\{vault:/,
    );
  }
});

test('a kafka source needs topic and brokers, and may act only on what nobody else can write', () => {
  const text = `sources:
  - {name: none, kind: kafka, format: kong}
  - {name: open, kind: kafka, format: kong, topic: logs, brokers: ['10.0.0.5:9092'], trust: act}
  - {name: twin, kind: kafka, format: kong, topic: [a, logs, a], brokers: ['127.0.0.1:9092']}
  - {name: push, kind: http, format: kong, topic: logs, group: g}
  - name: safe
    kind: kafka
    format: kong
    topic: safe
    brokers: ['10.0.0.5:9093']
    tls: {}
    sasl: {mechanism: plain, username: u, password: p}
    trust: act
  - {name: half, kind: kafka, format: kong, topic: half, tls: {}}
`;
  assert.deepEqual(faults(text), [
    'line 2, sources[0].kind: a kafka source needs topic. Add topic: NAME.',
    'line 2, sources[0].kind: a kafka source needs brokers. Add brokers: [HOST:PORT] to the source, or a kafka section.',
    'line 3, sources[1].trust: what comes over the network in plaintext, or from anybody, is no evidence to act on. Set trust: observe, or add tls: and sasl: (or a certificate of our own).',
    'line 4, sources[2].topic: sources[1] reads the topic logs, too. A topic belongs to one source.',
    'line 4, sources[2].topic: a is named twice. A topic belongs to one source.',
    'line 5, sources[3].topic: topic is for kind kafka, not http',
    'line 5, sources[3].group: group is for kind kafka, not http',
    'line 14, sources[5].kind: a kafka source needs brokers. Add brokers: [HOST:PORT] to the source, or a kafka section.',
    'line 14, sources[5].tls: tls of a source is for its own brokers. Add brokers: to the source, or move tls to the kafka section.',
  ]);
});

test('all faults are told at once: path, line, what is allowed, the nearest right word', () => {
  const text = `stat: {dir: a}
sources:
  - {name: Edge, kind: fil, format: kong, paht: a.log}
  - {name: b, kind: file, format: konk}
intake:
  commitMs: 0
  futureMs: soon
detectors:
  off-hour: {}
  volume-spike: {ratioMni: 2}
log:
  level: loud
`;
  assert.deepEqual(faults(text), [
    'line 1, stat: unknown key. Did you mean state?',
    'line 3, sources[0].name: must be made of lower case letters, digits, . _ -',
    'line 3, sources[0].kind: must be one of file, stdin, http, syslog, kafka. Did you mean file?',
    'line 3, sources[0].paht: unknown key. Did you mean path?',
    'line 4, sources[1].format: unknown format. Did you mean kong?',
    'line 4, sources[1].kind: a file source needs path. Add path: FILE.',
    'line 6, intake.commitMs: must be at least 1',
    'line 7, intake.futureMs: must be a number',
    'line 9, detectors.off-hour: unknown detector. Did you mean off-hours?',
    'line 10, detectors.volume-spike.ratioMni: unknown key. Did you mean ratioMin?',
    'line 12, log.level: must be one of trace, debug, info, warn, error, fatal, silent',
  ]);
});

test('a second document is told in our words, not in those of the YAML library', () => {
  assert.deepEqual(faults('log: {level: info}\n---\nlog: {level: warn}\n'), [
    'line 2: a second document begins; write all in one',
  ]);
});

test('syslog may be evidence to act on where nobody but this machine can write it', () => {
  for (const rest of [
    'listen: "tcp://127.0.0.1:5514", trust: act',
    'listen: "tcp://[::1]:0", trust: act',
    'listen: "tcp://localhost:5514", trust: act',
    'listen: "udp://0.0.0.0:8420", trust: observe',
  ]) {
    assert.deepEqual(
      faults(`sources: [{name: a, kind: syslog, format: haproxy, ${rest}}]`),
      [],
      rest,
    );
  }
});

test('rules of syslog and of the zone of dates are checked', () => {
  const source = (rest: string): string => `sources: [{name: a, format: kong, ${rest}}]`;
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    [source('kind: file, path: a, timeZone: UTC'), /timeZone is for format haproxy/],
    [
      'sources: [{name: a, kind: file, path: a, format: haproxy, timeZone: Mars/Crater}]',
      /timeZone: must be an IANA zone/,
    ],
    [source('kind: syslog'), /a syslog source needs listen/],
    [source('kind: http, listen: "udp://127.0.0.1:5514"'), /listen is for kind syslog, not http/],
    [source('kind: syslog, listen: "127.0.0.1:5514"'), /udp:\/\/HOST:PORT or tcp/],
    [source('kind: syslog, listen: "udp://127.0.0.1:70000"'), /at most 65,535/],
    [source('kind: syslog, listen: "udp://127.0.0.1:1", trust: act'), /can be forged/],
    [source('kind: syslog, listen: "tcp://10.0.0.1:1", trust: act'), /can be forged/],
    [source('kind: syslog, listen: "tcp://127.0.0.1:8420"'), /same address as listen.console/],
    [
      'sources: [{name: a, kind: syslog, format: kong, listen: "udp://[::1]:5514"}, {name: b, kind: syslog, format: kong, listen: "udp://[::1]:5514"}]',
      /sources\[1\]\.listen: same address as sources\[0\]/,
    ],
  ];
  for (const [text, fault] of cases) assert.match(faults(text).join('\n'), fault, text);
});

test('rules between values are checked', () => {
  const source = (rest: string): string => `sources: [{name: a, format: kong, ${rest}}]`;
  const cases: readonly (readonly [text: string, fault: RegExp])[] = [
    [source('kind: file'), /needs path/],
    [source('kind: http, path: a'), /path is for kind file, not http/],
    [source('kind: file, path: a, token: "0123456789abcdef"'), /token is for kind http/],
    [source('kind: file, path: a, logFormat: a'), /logFormat is for format nginx/],
    [source('kind: file, path: a, fields: {at: time}'), /fields is for format json, tyk/],
    [source('kind: http, trust: act'), /trust act needs a token/],
    [source('kind: file, path: a, key: haeder:X'), /says no place of a key/],
    [
      'sources: [{name: a, format: nginx, kind: file, path: a, logFormat: "$remote_addr $status"}]',
      /sources\[0\]\.logFormat: there is no time in it. Add \$msec/,
    ],
    [
      'sources: [{name: a, format: combined, kind: file, path: a, key: "header:X-Key"}]',
      /sources\[0\]\.key: combined format does not show it/,
    ],
    [
      'sources: [{name: a, format: json, kind: file, path: a, fields: {at: t, kee: k}}]',
      /sources\[0\]\.fields: "kee" is no field. Did you mean key/,
    ],
    [`listen: {intake: "0.0.0.0:1"}\n${source('kind: http')}`, /needs a token when listen.intake/],
    ['listen: {intake: "127.0.0.1:70000"}', /at most 65,535/],
    ['listen: {intake: "127.0.0.1:8420"}', /same address as listen.console/],
    ['trustedProxies: [10.0.0.0/8, proxy]', /trustedProxies\[1\]: must be an address or a network/],
    ['keys: [{id: a}, {id: a}]', /keys\[1\]\.id: keys\[0\] has this id too/],
    ['keys: [{id: a, predecessor: a}]', /cannot replace itself/],
    ['keys: [{id: a, timeZone: Mars/Crater}]', /IANA zone/],
    [
      'calendars: [{name: a, kind: planned, path: none.ics}]',
      /calendars\[0\]\.path: cannot be read/,
    ],
    [
      'calendars: [{name: a, kind: planned, events: [], for: {detectors: [volume-spik]}}]',
      /Did you mean volume-spike/,
    ],
    [
      'consumers: [{name: a, timeZone: Mars/Crater}]',
      /consumers\[0\]\.timeZone: must be an IANA zone/,
    ],
    [
      'consumers: [{name: a, timeZone: UTC}, {name: a, timeZone: UTC}]',
      /consumers\[0\] has this name/,
    ],
    [
      'keys: [{id: a, scope: {networks: [10.0.0.0/99]}}]',
      /scope\.networks\[0\]: must be an address/,
    ],
    ['keys: [{id: a, createdAt: yesterday}]', /instant such as 2026/],
    [
      'sources: [{name: a, kind: stdin, format: kong}, {name: a, kind: stdin, format: kong}]',
      /sources\[0\] has this name too[\s\S]*only one stdin/,
    ],
    [
      'sources: [{name: a, kind: http, format: kong}, {name: b, kind: http, format: kong}]',
      /cannot be told from sources\[0\]/,
    ],
    [
      'sources: [{name: a, kind: file, format: kong, path: logs/a.log}, {name: b, kind: file, format: kong, path: [b.log, ./logs/a.log]}]',
      /sources\[1\]\.path: sources\[0\] reads the same path/,
    ],
    ['sources: {name: a}', /sources: must be a list/],
    ['keys: 3', /keys: must be text or a list/],
    ['a: [1', /not valid YAML/],
    ['log: {level: info}\nlog: {level: warn}', /line 2: not valid YAML.*unique/],
  ];
  for (const [text, fault] of cases) assert.match(faults(text).join('\n'), fault, text);
});

test('a fault hides no other: not in the same mapping, not of what cannot be filled in', () => {
  const told = faults(
    'listen: {decide: nonsense, console: "127.0.0.1:99999"}\n' +
      'sources:\n' +
      '  - {name: A, kind: file, format: kng, path: a, key: "haeder:X", pth: b}\n' +
      '  - {name: b, kind: http, format: kong, token: "${env:NOT_THERE}"}\n' +
      'stat: 1',
  );
  assert.deepEqual(
    told.map((fault) => /^line \d+, ([^:]+):/.exec(fault)?.[1]),
    [
      ...['listen.decide', 'listen.console', 'sources[0].name', 'sources[0].pth'],
      ...['sources[0].format', 'sources[0].key', 'sources[1].token', 'stat'],
    ],
  );
});

test('a wrong setting is not told as missing too', () => {
  assert.deepEqual(faults('sources: [{name: a, kind: file, format: kong, path: 5}]').length, 1);
});

test('at `config check` the faults of the files that it names are told with its own', () => {
  writeFileSync(join(folder, 'faulty.csv'), 'id,label,protected\na,x,maybe\na,y,true,z\n');
  writeFileSync(join(folder, 'faulty.yaml'), 'version: 1\nladdr: {}\n');
  const file = write(
    'stat: 1\nkeys: faulty.csv\npolicy: faulty.yaml\ngeography: {city: no.mmdb, asn: no.mmdb}',
  );
  const reading = readConfig({ file, env: {}, cwd: folder, checkMore: checkFiles });
  const told = reading.faults.map(faultInWords);
  for (const [i, fault] of [
    /^line 1, stat: unknown key/,
    /^line 2, keys: faulty.csv, line 3: 4 cells, the header has 3/,
    /^line 2, keys: faulty.csv, line 2: protected: /,
    /^line 3, policy: faulty.yaml, line 2, laddr: unknown key. Did you mean ladder/,
    /^line 4, geography.city: .*no\.mmdb cannot be read/,
    /^line 4, geography.asn: .*no\.mmdb cannot be read/,
  ].entries()) {
    assert.match(told[i] ?? '', fault);
  }
  assert.equal(told.length, 6);
});

test('no fault repeats a value: it may be a secret', () => {
  const secret = 'sk-live-0123456789';
  const texts = [
    `sources: [{name: a, kind: http, format: ${secret}, token: [${secret}]}]`,
    `sources: [{name: a, kind: ${secret}, format: kong, key: ${secret}}]`,
    `keys: [{id: a, risk: ${secret}, timeZone: ${secret}}]`,
    `listen: {intake: ${secret}}\ntrustedProxies: [${secret}]`,
    `token: "${secret}" ${secret}`,
    `- *${secret}`,
    `log: {level: "\${env:SECRET}"}`,
  ];
  for (const text of texts) {
    const told = faults(text, { SECRET: secret }).join('\n');
    assert.notEqual(told, '', text);
    assert.ok(!told.includes(secret), told);
  }
});
