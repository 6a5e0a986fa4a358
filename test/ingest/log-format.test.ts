import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyhoundError } from '../../core/errors.ts';
import { REJECTION } from '../../core/format.ts';
import { parseKeySpec } from '../../core/key-spec.ts';
import { createDraft, FIELD, type FieldName, fieldText } from '../../core/record.ts';
import { nginx } from '../../ingest/formats/nginx.ts';
import { NGINX_COMBINED, parseLogFormat } from '../../ingest/log-format.ts';
import { LogTemplate } from '../../ingest/log-template.ts';

const ENCODER = new TextEncoder();

function variables(text: string): string[] {
  return parseLogFormat(text).parts.map((part) =>
    'variable' in part ? `$${part.variable}` : part.literal,
  );
}

function read(logFormat: string, line: string, key?: string) {
  const draft = createDraft();
  const decoder = nginx.createDecoder({
    logFormat,
    key: key === undefined ? undefined : parseKeySpec(key),
  });
  const bytes = ENCODER.encode(line);
  const result = decoder.decode(bytes, 0, bytes.length, draft);
  const text = (name: FieldName): string => fieldText(draft, FIELD[name]);
  return { result, draft, text };
}

const usage = (message: RegExp) => (error: unknown) =>
  error instanceof KeyhoundError && error.kind === 'usage' && message.test(error.message);

test('the bare string, its quoted pieces and the whole directive read alike', () => {
  const wanted = ['$remote_addr', ' [', '$time_local', '] "', '$request', '" ', '$status'];
  const bare = '$remote_addr [$time_local] "$request" $status';
  assert.deepEqual(variables(bare), wanted);
  assert.deepEqual(variables(`'$remote_addr [$time_local] '\n  '"$request" $status'`), wanted);
  assert.deepEqual(
    variables(`log_format main '$remote_addr [$time_local] ' # who\n '"$request" $status';`),
    wanted,
  );
  assert.deepEqual(
    variables(`log_format main "$remote_addr [\${time_local}] \\"$request\\" $status";`),
    wanted,
  );
});

test('escape= is read, and an unknown one refused', () => {
  assert.equal(parseLogFormat(`log_format j escape=json '{"a":"$status"}';`).escape, 'json');
  assert.equal(parseLogFormat(`escape=none '$status'`).escape, 'none');
  assert.equal(parseLogFormat('$status').escape, 'default');
  assert.throws(() => parseLogFormat(`log_format j escape=xml '$status';`), usage(/escape=xml/));
  assert.throws(() => parseLogFormat('no variables'), usage(/no \$variable/));
});

test('variables that spell one URL are read as one', () => {
  const time = '[$time_local] ';
  const line = (target: string) => `[22/Nov/2026:04:18:21 +0000] "${target}"`;
  for (const [format, target] of [
    ['"$scheme://$host$request_uri"', 'https://api.example.com/v1/x?y=1'],
    ['"$scheme://$host:$server_port$uri$is_args$args"', 'https://api.example.com:443/v1/x?y=1'],
    ['"$uri?$args"', '/v1/x?y=1'],
    ['"$uri$is_args$query_string"', '/v1/x?y=1'],
  ] as const) {
    const { result, text } = read(time + format, line(target));
    assert.equal(result, REJECTION.ok);
    assert.equal(text('target'), target);
  }
});

test('a path and its query in different places are put together', () => {
  const { text } = read('$msec "$uri" "$args"', '1795321100.542 "/v1/x" "y=1"');
  assert.equal(text('target'), '/v1/x?y=1');
  assert.equal(read('$msec "$uri" "$args"', '1795321100.542 "/v1/x" "-"').text('target'), '/v1/x');
});

test('the end of a request is taken back by its duration', () => {
  const { draft } = read('$msec $request_time $status', '1795321100.542 1.250 200');
  assert.equal(draft.at, 1_795_321_099_292);
  assert.equal(draft.durationMs, 1250);
});

test('an unquoted text is fenced by what stands around it', () => {
  const format = '$remote_addr - $remote_user [$time_local] $status "$request"';
  const forged = 'x [01/Jan/2020:00:00:00 +0000] 599 y';
  const line = `198.51.100.7 - ${forged} [22/Nov/2026:04:18:21 +0000] 200 "GET / HTTP/1.1"`;
  const { result, draft, text } = read(format, line);
  assert.equal(result, REJECTION.ok);
  assert.equal(draft.status, 200);
  assert.equal(draft.at, Date.UTC(2026, 10, 22, 4, 18, 21));
  assert.equal(text('rawKey'), forged);
});

test('a format in which a client could move a field is refused with the names', () => {
  assert.throws(
    () => nginx.createDecoder({ logFormat: '$http_user_agent $status [$time_local] $request' }),
    usage(/\$http_user_agent, \$status, \$time_local, \$request cannot be read/),
  );
  assert.throws(
    () => nginx.createDecoder({ logFormat: '[$time_local] "$http_referer$request_uri"' }),
    usage(/\$request_uri cannot be read/),
  );
  // What nobody reads may stand as it likes.
  const { result } = read('$msec $status $upstream_addr $upstream_status', '1.5 200 a, b 200, 200');
  assert.equal(result, REJECTION.ok);
});

test('a client cannot make its lines unreadable by the name of the host it asks for', () => {
  const format = '$host $remote_addr [$time_local] $status "$request"';
  for (const host of ['api.example.com', 'a*b', "a'$(x)|y", '[::1]', 'a\\x22b', '%41', 'é', '-']) {
    const line = `${host} 198.51.100.7 [22/Nov/2026:04:18:21 +0000] 200 "GET / HTTP/1.1"`;
    const { result, draft, text } = read(format, line);
    assert.equal(result, REJECTION.ok, host);
    assert.deepEqual([draft.status, text('clientAddress')], [200, '198.51.100.7']);
  }
  // Where the separator may be part of the name, nothing is read that it could shift.
  const forged = read('$msec|$host|$status', '1795321100.542|a|599|b|200');
  assert.equal(forged.draft.status, 200);
  assert.throws(
    () => nginx.createDecoder({ logFormat: '$msec $host|$remote_addr|$http_user_agent' }),
    usage(/\$remote_addr, \$http_user_agent cannot be read/),
  );
});

test('tabs are fences like quotes', () => {
  const format = '$time_iso8601\t$http_user_agent\t$status\t$request_uri';
  const line = '2026-11-22T04:18:21+00:00\tan agent 599\t200\t/v1/x y';
  const { result, draft, text } = read(format, line);
  assert.equal(result, REJECTION.ok);
  assert.equal(draft.status, 200);
  assert.equal(text('target'), '/v1/x y');
  assert.equal(read(format, `${line}\t`).result, REJECTION.malformed);
});

test('a line cut anywhere, or with more in it than the format has, is malformed', () => {
  const format = '$msec "$status" "$http_user_agent" "$request_uri"';
  const line = '1.5 "200" "agent" "/v1/x"';
  const template = new LogTemplate(parseLogFormat(format), ['status', 'http_user_agent']);
  const matches = (text: string): boolean => {
    const bytes = ENCODER.encode(text);
    return template.match(bytes, 0, bytes.length);
  };
  assert.equal(matches(line), true);
  for (let end = 0; end < line.length; end++) assert.equal(matches(line.slice(0, end)), false);
  for (const text of [
    '1.5x "200" "a" "/"',
    '1.5 "200x" "a" "/"',
    '1.5 "200" "a" "/"x',
    `${line}"`,
  ]) {
    assert.equal(matches(text), false, text);
  }
});

test('with escape=none a client could hide behind a quote: only variables that hold none are taken', () => {
  for (const variable of ['http_user_agent', 'host', 'request_uri', 'cookie_nobody_wants']) {
    const format = `log_format n escape=none '$msec $remote_addr "$${variable}" $status';`;
    const reason = new RegExp(`a client can hide its requests, by a quote in \\$${variable}$`);
    assert.throws(() => read(format, ''), usage(reason));
    assert.doesNotThrow(() => read(format.replace('escape=none', 'escape=json'), ''));
  }
  const format = `log_format n escape=none '$msec $remote_addr $status $request_id';`;
  assert.equal(read(format, '1.5 198.51.100.7 200 a1').text('requestId'), 'a1');
});

test('a key is read from the variable that --key names', () => {
  const format = '$msec "$http_x_client" "$cookie_sid" "$http_authorization" "$key_id" $status';
  const line = '1.5 "h1" "c1" "Bearer t1" "k1" 200';
  assert.equal(read(format, line, 'header:X-Client').text('rawKey'), 'h1');
  assert.equal(read(format, line, 'cookie:sid').text('rawKey'), 'c1');
  assert.equal(read(format, line, 'bearer').text('rawKey'), 'Bearer t1');
  assert.equal(read(format, line, 'field:key_id').text('rawKey'), 'k1');
  assert.equal(read(format, line).text('credentialId'), 'k1');
  assert.throws(() => read(format, line, 'header:X-Other'), usage(/no \$http_x_other/));
  assert.throws(() => nginx.createDecoder({ key: parseKeySpec('bearer') }), usage(/does not show/));
});

test('--key basic sees the header that the user name came from', () => {
  for (const user of ['ab', 'abc', 'abcd', 'abcde', 'a\\x22b']) {
    const line = `198.51.100.7 - ${user} [22/Nov/2026:04:18:21 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`;
    const wanted = Buffer.from(`${user.replace('\\x22', '"')}:`).toString('base64');
    assert.equal(read(NGINX_COMBINED, line, 'basic').text('rawKey'), `Basic ${wanted}`);
    const template = `${NGINX_COMBINED} $request_time`;
    assert.equal(read(template, `${line} 0.001`, 'basic').text('rawKey'), `Basic ${wanted}`);
  }
});

test('a request header cannot pass for a credential that the gateway has checked', () => {
  const { draft, text } = read('$msec "$http_x_keyhound_key" $status', '1.5 "victim" 200');
  assert.equal(text('credentialId'), '');
  assert.equal(draft.auth, 0);
});

test('combined as a template reads what the scanner of combined reads', () => {
  const template = new LogTemplate(parseLogFormat(NGINX_COMBINED), ['status', 'http_user_agent']);
  const line = ENCODER.encode(
    '198.51.100.7 - - [22/Nov/2026:04:18:21 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"',
  );
  assert.equal(template.match(line, 0, line.length), true);
  const agent = line.subarray(template.from[1], template.to[1]);
  assert.equal(new TextDecoder().decode(agent), 'curl');
});
