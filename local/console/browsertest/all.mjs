// All browser tests, in order: the last ones leave Tongli's circuit open.
import { after } from 'node:test'
import { browser } from './browser.mjs'

await import('./words.mjs')
await import('./demo.mjs')
await import('./orders.mjs')
await import('./parks.mjs')
await import('./sign.mjs')
await import('./access.mjs')
await import('./faults.mjs')

after(() => browser.close())
