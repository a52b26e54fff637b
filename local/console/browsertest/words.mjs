// The page's texts: each key that is used has both languages, with the same blanks, and none is left over.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { words } from '../static/js/words.js'

const folder = new URL('../static/js/', import.meta.url)
const source = readdirSync(folder).filter((f) => f !== 'words.js').map((f) => readFileSync(new URL(f, folder), 'utf8')).join('\n')
const blanks = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort()

test('words in both languages', () => {
  for (const [key, pair] of Object.entries(words)) {
    assert.equal(pair.length, 2, key)
    assert.ok(pair.every((text) => text.trim()), key)
    assert.deepEqual(blanks(pair[0]), blanks(pair[1]), key)
  }
})

// Words that the page makes of what the server says: t(x), t('by' + source), known(state).
const fromServer = ['push', 'pushRetry', 'bypush', 'bypoll', 'verdict_signed', 'verdict_equal', 'verdict_string_differs', 'verdict_sign_differs', 'app', 'gateway', 'queue', 'tongli',
  'added', 'corrected', 'withdrawn', 'back', 'active', 'cancelled', 'ended', 'pending', 'delivered', 'refused', 'expired', 'removed', 'removing',
  'closed', 'half-open', 'down', 'slow', 'refuse', 'unauthorised', 'drop', 'missing', 'extra', 'live', 'parks', 'orders', 'sign']

test('every word that is used is there, and none is left over', () => {
  const compared = ['park-poller'] // stands in t(x === 'park-poller' ? …) and is no word
  const used = [...source.matchAll(/\bt\(([^)]*)/g)].flatMap((m) => [...m[1].split(',')[0].matchAll(/'(\w[\w-]*)'(?! \+)/g)].map((k) => k[1])).filter((k) => !compared.includes(k))
  assert.ok(used.length > 100)
  assert.deepEqual(used.filter((key) => !words[key]), [])
  assert.deepEqual(fromServer.filter((key) => !words[key]), [])
  assert.deepEqual(Object.keys(words).filter((key) => !used.includes(key) && !fromServer.includes(key)), [])
})
