import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enricher, resolve } from './fakes.ts';

/** The address that was taken, as the flat earth names it. */
function taken(
  clientAddress: string,
  forwardedFor?: string,
  trustedProxies: string[] = [],
): string {
  const texts = { credentialId: 'a', clientAddress };
  const all = forwardedFor === undefined ? texts : { ...texts, forwardedFor };
  return resolve(all, { by: enricher({ trustedProxies }) }).event.place.city;
}

test('ports, brackets, zones, quotes and mapped addresses do not matter', () => {
  const forms: [string, string][] = [
    ['198.51.100.7', '198.51.100.7'],
    [' 198.51.100.7:443 ', '198.51.100.7'],
    ['"198.51.100.7"', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['[::ffff:198.51.100.7]:80', '198.51.100.7'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]:63251', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
  ];
  for (const [text, expected] of forms) assert.equal(taken(text), expected, text);
});

test('what is a name is no address and no flaw, what is a mangled address is a flaw', () => {
  const by = enricher();
  const count = (clientAddress: string) => {
    const before = by.flawed.address;
    const { code, event } = resolve({ credentialId: 'a', clientAddress }, { by });
    assert.equal(code, 0);
    assert.equal(event.network, 0);
    return by.flawed.address - before;
  };
  for (const name of [
    'AWS Internal',
    'ec2.amazonaws.com',
    '-',
    '',
    'unix:',
    'unknown',
    'host:80',
  ]) {
    assert.equal(count(name), 0, name);
  }
  const v4 = [
    '253.252.51.07',
    '251.234.045.249',
    '999.1.2.3',
    '1.2.3',
    '1.2.3.4.5',
    '300.1.1.1:80',
  ];
  for (const text of [...v4, '2001:db8:::1', '1:2:3']) {
    assert.equal(count(text), 1, text);
    assert.equal(count(text), 1, `${text}, from the cache`);
  }
});

test('X-Forwarded-For counts only when the address that connected is a proxy of ours', () => {
  const proxies = ['10.0.0.0/8', '2001:db8:ffff::/48'];
  assert.equal(taken('203.0.113.9', '198.51.100.7', proxies), '203.0.113.9');
  assert.equal(taken('10.0.0.1', '198.51.100.7', proxies), '198.51.100.7');
  assert.equal(taken('2001:db8:ffff::1', '198.51.100.7', proxies), '198.51.100.7');
  assert.equal(taken('10.0.0.1', '198.51.100.7'), '10.0.0.1');
  assert.equal(taken('10.0.0.1', '-', proxies), '10.0.0.1');
});

test('the right-most address that is not ours is the client, whatever stands left of it', () => {
  const proxies = ['10.0.0.0/8'];
  assert.equal(taken('10.0.0.1', '1.1.1.1, 198.51.100.7', proxies), '198.51.100.7');
  assert.equal(taken('10.0.0.1', '1.1.1.1,198.51.100.7 , 10.9.9.9', proxies), '198.51.100.7');
  assert.equal(taken('10.0.0.1', '10.1.1.1, 10.2.2.2', proxies), '10.1.1.1');
  assert.equal(taken('1.1.1.1, 198.51.100.7', undefined, proxies), '198.51.100.7');
  assert.equal(taken('10.0.0.1', '1.1.1.1, unknown', proxies), '', 'nothing left of it is proven');
});

test('the network is the /24 or the /64', () => {
  const network = (clientAddress: string) =>
    resolve({ credentialId: 'a', clientAddress }).event.network;
  assert.equal(network('198.51.100.7'), network('198.51.100.250'));
  assert.equal(network('198.51.100.7'), network('[::ffff:198.51.100.9]:1'));
  assert.notEqual(network('198.51.100.7'), network('198.51.101.7'));
  assert.equal(network('2001:db8::1'), network('2001:db8::ffff:1'));
  assert.notEqual(network('2001:db8::1'), network('2001:db8:0:1::1'));
  assert.equal(network('198.51.100.7'), 2576966702, 'stands in saved state');
  const named = (clientAddress: string) =>
    resolve({ credentialId: 'a', clientAddress }).event.networkId;
  assert.equal(named('198.51.100.7'), '198.51.100.0/24');
  assert.equal(named('[::ffff:198.51.100.9]:1'), '198.51.100.0/24');
  assert.equal(named('2001:db8:1:2:3::1'), '2001:db8:1:2::/64');
  assert.equal(resolve({ credentialId: 'a' }).event.networkId, '');
});

test('a trusted proxy that is no address is refused', () => {
  for (const text of ['10.0.0.0/33', 'proxy', '10.0.0/8', '10.0.0.1/8/8', '10.0.0.1/x']) {
    assert.throws(() => enricher({ trustedProxies: [text] }), { kind: 'usage' }, text);
  }
});
