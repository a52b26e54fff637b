// All browser tests, in order: the last ones leave Tongli's circuit open.
import { after } from 'node:test'
import { browser } from './browser.mjs'

// BROWSER_TESTS="demo orders" runs only those, while one is being written.
const all = ['words', 'demo', 'orders', 'parks', 'sign', 'access', 'faults']
for (const name of process.env.BROWSER_TESTS?.split(' ') ?? all) await import(`./${name}.mjs`)

after(() => browser.close())
