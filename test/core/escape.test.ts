import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { forCsv, forHtml, forTerminal } from '../../core/escape.ts';
import { anyText } from '../support/any-text.ts';

test('nothing that steers a terminal passes', () => {
  assert.equal(forTerminal('\u001b[31mred\u001b]0;title\u0007'), '?[31mred?]0;title?');
  assert.equal(forTerminal('a\u009b31mb\r\n\tc\u202ed\u2066e\u200bf\u2028g'), 'a?31mb???c?d?e?f?g');
  assert.equal(forTerminal('Käthe 東京 🙂'), 'Käthe 東京 🙂');
  fc.assert(
    fc.property(anyText(), (text) => {
      assert.doesNotMatch(forTerminal(text), /[\p{Cc}\p{Cf}\p{Cs}]/u);
    }),
  );
});

test('nothing becomes markup', () => {
  assert.equal(
    forHtml('<a href="x" b=\'y\'>&`'),
    '&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&#96;',
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.doesNotMatch(forHtml(text), /[<>"'`]/);
    }),
  );
});

test('nothing becomes a formula, and every cell comes back whole', () => {
  assert.equal(forCsv('=cmd()'), "'=cmd()");
  assert.equal(forCsv(' +1'), "' +1");
  assert.equal(forCsv(' x'), '" x"');
  assert.equal(forCsv('@x'), "'@x");
  assert.equal(forCsv('-1'), "'-1");
  assert.equal(forCsv(-1), '-1');
  assert.equal(forCsv('a,b'), '"a,b"');
  assert.equal(forCsv('say "x"'), '"say ""x"""');
  assert.equal(forCsv('a\r\nb'), '"a\r\nb"');
  assert.equal(forCsv('plain'), 'plain');
});
